"""FLEURS: LOCALE/train.tsv, dev.tsv and test.tsv without a header, and the unpacked audio/train, audio/dev, audio/test.

    id, file, raw transcription, transcription, characters, number of samples, gender

The raw transcription, with capitals and punctuation, is the text. Speakers are not known."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.corpus.importers.layouts.lines import first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.errors import CorpusError

SPLITS = ("train", "dev", "test")
COLUMNS = ("id", "file", "raw", "text", "characters", "samples", "gender")
LICENCE = "CC-BY-4.0"
ATTRIBUTION = "FLEURS by Google"
MAX_DEPTH = 2  # of the folder of a language below the imported one


def recognises(path: Path) -> bool:
    return bool(_language_folders(path))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the recordings of all languages. Raises CorpusError if the archives of the audio are still packed."""
    source = SourceFolder(path, options)
    folders = _language_folders(path)
    for folder in folders:
        packed = sorted((folder / "audio").glob("*.tar.gz"))
        if packed and not any(child.is_dir() for child in (folder / "audio").iterdir()):
            raise CorpusError(f"{source.place(packed[0])} is still packed; unpack it beside itself, then import again")
    entries = (entry for folder in folders for entry in _entries(source, folder))
    return Listing(entries, source=f"FLEURS, {path.resolve().name}", licence=LICENCE, attribution=ATTRIBUTION)


def _entries(source: SourceFolder, folder: Path) -> Iterator[Candidate | Problem]:
    for split in SPLITS:
        table = folder / f"{split}.tsv"
        for record in read_table(source, table, "\t", COLUMNS) if table.is_file() else ():
            if isinstance(record, Problem):
                yield record
                continue
            file = record.get("file")
            names = [f"audio/{split}/{file}", f"{split}/{file}", f"audio/{file}", file] if file else []
            text = record.get("raw", "text")
            yield source.candidate(record.place, names, text, folder, language=folder.name, split_name=split)


def _language_folders(path: Path) -> Sequence[Path]:
    """Returns the folders that hold tables."""
    folders = [content_folder(path)]
    for _ in range(MAX_DEPTH + 1):
        found = [folder for folder in folders if _has_table(folder)]
        if found:
            return found
        folders = sorted(child for folder in folders if folder.is_dir() for child in folder.iterdir() if child.is_dir())
    return []


def _has_table(folder: Path) -> bool:
    tables = (folder / f"{split}.tsv" for split in SPLITS)
    return any(table.is_file() and _is_row(first_line(table).split("\t")) for table in tables)


def _is_row(values: list[str]) -> bool:
    return len(values) == len(COLUMNS) and values[1].endswith(".wav") and values[5].isdigit()


FLEURS = SourceFormat(
    "fleurs",
    "FLEURS",
    "a folder of a language with train.tsv, dev.tsv, test.tsv without header and the unpacked audio",
    recognises,
    list_entries,
)
