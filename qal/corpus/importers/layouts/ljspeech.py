"""LJSpeech: `wavs/` and a table `metadata.csv` with `name|text` or `name|text|normalised text`.

The normalised text, which writes numbers and abbreviations as they are read, is taken where it is given. Many datasets
for speech synthesis have this layout."""

from collections.abc import Iterator
from pathlib import Path

from qal.corpus.importers.layouts.lines import first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

TABLE_NAMES = ("metadata.csv", "metadata.txt")
AUDIO_FOLDERS = ("wavs", "wav")
SUFFIXES = ("", ".wav", ".flac", ".mp3", ".ogg")
COLUMNS = ("name", "text", "normalised")


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
    for record in read_table(source, table, "|", COLUMNS):
        if isinstance(record, Problem):
            yield record
            continue
        names = [f"{record.get('name')}{suffix}" for suffix in SUFFIXES]
        yield source.candidate(record.place, names, record.get("normalised", "text"), audio)


def _table(folder: Path) -> Path | None:
    if not any((folder / name).is_dir() for name in AUDIO_FOLDERS):
        return None
    return next((folder / name for name in TABLE_NAMES if (folder / name).is_file()), None)


LJSPEECH = SourceFormat(
    "ljspeech",
    "LJSpeech",
    "a folder wavs and a table metadata.csv with name|text|normalised text, without a header",
    recognises,
    list_entries,
)
