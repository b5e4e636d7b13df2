"""LibriSpeech: SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt, a line for each recording beside it, in folders of subsets.

    dev-clean/84/121123/84-121123.trans.txt:  84-121123-0000 GO AND SEE
    dev-clean/84/121123/84-121123-0000.flac

The subset names the split. SPEAKERS.TXT names it where the folder does not."""

from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.given_splits import folder_split
from qal.corpus.importers.layouts.lines import read_lines
from qal.corpus.importers.layouts.source_folder import SourceFolder, files_below, find_ending
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

TRANSCRIPTS = ".trans.txt"
SPEAKERS_FILE = "SPEAKERS.TXT"
SUFFIXES = (".flac", ".wav", ".mp3", ".opus", ".ogg")
NOTES = "Texts in capitals and without punctuation: a model that is trained on them writes so."
SUBSET_COLUMN = 2  # of SPEAKERS.TXT: id | sex | subset | minutes | name


def recognises(path: Path) -> bool:
    return find_ending(path, TRANSCRIPTS) is not None


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the recordings of all transcripts."""
    source = SourceFolder(path, options)
    is_original = find_ending(path, SPEAKERS_FILE) is not None
    language = options.language or ("en" if is_original else "")
    notes = NOTES if is_original else ""
    return Listing(_entries(source, language), source=f"LibriSpeech layout of {path.resolve().name}", notes=notes)


def _entries(source: SourceFolder, language: str) -> Iterator[Candidate | Problem]:
    subsets = _subsets(source)
    for transcripts in files_below(source.root):
        if not transcripts.name.endswith(TRANSCRIPTS):
            continue
        inner = transcripts.relative_to(source.root)
        for line in read_lines(source, transcripts):
            if isinstance(line, Problem):
                yield line
                continue
            name, _, text = line.text.strip().partition(" ")
            speaker = name.partition("-")[0]
            names = [f"{name}{suffix}" for suffix in SUFFIXES]
            split = folder_split(inner) or folder_split(Path(source.root.name, "x")) or subsets.get(speaker, "")
            yield source.candidate(
                line.place, names, text, transcripts.parent, speaker=speaker, split_name=split, language=language
            )


def _subsets(source: SourceFolder) -> dict[str, str]:
    """Reads the subset of each speaker."""
    path = find_ending(source.root, SPEAKERS_FILE)
    subsets: dict[str, str] = {}
    for line in read_lines(source, path) if path else ():
        if isinstance(line, Problem) or line.text.startswith(";"):
            continue
        fields = [field.strip() for field in line.text.split("|")]
        if len(fields) > SUBSET_COLUMN:
            subsets[fields[0]] = fields[SUBSET_COLUMN]
    return subsets


LIBRISPEECH = SourceFormat(
    "librispeech",
    "LibriSpeech",
    "folders SPEAKER/CHAPTER with a file .trans.txt and its recordings, in folders such as train-clean-100",
    recognises,
    list_entries,
)
