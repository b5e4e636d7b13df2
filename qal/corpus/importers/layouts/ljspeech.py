"""LJSpeech: `wavs/` and a table `metadata.csv` with `name|text`, `name|text|normalised text` or `name|text|speaker`.

The normalised text, which writes numbers and abbreviations as they are read, is taken where it is given. Many datasets
for speech synthesis have this layout."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rapidfuzz import fuzz

from qal.corpus.importers.layouts.lines import first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

TABLE_NAMES = ("metadata.csv", "metadata.txt")
AUDIO_FOLDERS = ("wavs", "wav")
SUFFIXES = ("", ".wav", ".flac", ".mp3", ".ogg")
COLUMNS = ("name", "text", "third")
COMPARED_ROWS, MIN_SIMILARITY = 100, 50  # a normalised text is similar to its text (rapidfuzz, 0 to 100)


def recognises(path: Path) -> bool:
    table = _table(content_folder(path))
    return table is not None and 1 <= first_line(table).count("|") < len(COLUMNS)


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the recordings of the table."""
    return Listing(_entries(SourceFolder(path, options)), source=f"LJSpeech layout of {path.resolve().name}")


def _entries(source: SourceFolder) -> Iterator[Candidate | Problem]:
    folder = content_folder(source.root)
    table = _table(folder)
    if table is None:
        return
    audio = next(folder / name for name in AUDIO_FOLDERS if (folder / name).is_dir())
    has_speakers = _third_is_speaker(source, table)
    for record in read_table(source, table, "|", COLUMNS):
        if isinstance(record, Problem):
            yield record
            continue
        names = [f"{record.get('name')}{suffix}" for suffix in SUFFIXES]
        text = record.get("text") if has_speakers else record.get("third", "text")
        speaker = record.get("third") if has_speakers else ""
        yield source.candidate(record.place, names, text, audio, speaker=speaker)


def _third_is_speaker(source: SourceFolder, table: Path) -> bool:
    """True if the third column holds no other spelling of the texts."""
    records = (record for record in read_table(source, table, "|", COLUMNS) if not isinstance(record, Problem))
    pairs = [(record.get("text"), record.get("third")) for record in islice(records, COMPARED_ROWS)]
    similar = [fuzz.ratio(text.casefold(), third.casefold()) >= MIN_SIMILARITY for text, third in pairs if third]
    return 2 * sum(similar) < len(similar)


def _table(folder: Path) -> Path | None:
    if not any((folder / name).is_dir() for name in AUDIO_FOLDERS):
        return None
    return next((folder / name for name in TABLE_NAMES if (folder / name).is_file()), None)


LJSPEECH = SourceFormat(
    "ljspeech",
    "LJSpeech",
    "a folder wavs and a table metadata.csv with name|text|normalised text or name|text|speaker, without a header",
    recognises,
    list_entries,
)
