"""MINDS-14: `text/LOCALE.csv` with file, transcript, English translation and intent, and `audio/`.

The tables are known by the places of their columns, because their header differs from release to release."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.corpus.importers.layouts.lines import first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

TEXT_FOLDER, AUDIO_FOLDER = "text", "audio"
COLUMNS = ("file", "text", "translation", "intent")
LICENCE = "CC-BY-4.0"
ATTRIBUTION = "MInDS-14 by PolyAI"


def recognises(path: Path) -> bool:
    return bool(_tables(content_folder(path)))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the recordings of all languages."""
    entries = _entries(SourceFolder(path, options))
    return Listing(entries, source=f"MInDS-14, {path.resolve().name}", licence=LICENCE, attribution=ATTRIBUTION)


def _entries(source: SourceFolder) -> Iterator[Candidate | Problem]:
    folder = content_folder(source.root)
    for table in _tables(folder):
        records = read_table(source, table, ",", COLUMNS, quoted=True)
        for number, record in enumerate(records):
            if isinstance(record, Problem):
                yield record
            elif number:  # the first line is the header
                yield source.candidate(
                    record.place,
                    record.get("file"),
                    record.get("text"),
                    folder / AUDIO_FOLDER,
                    language=table.stem,
                    translation=" ".join(record.get("translation").split()),
                )


def _tables(folder: Path) -> Sequence[Path]:
    if not (folder / AUDIO_FOLDER).is_dir():
        return []
    tables = sorted((folder / TEXT_FOLDER).glob("*.csv"))
    return [table for table in tables if first_line(table).count(",") == len(COLUMNS) - 1]


MINDS14 = SourceFormat(
    "minds14",
    "MInDS-14",
    "tables text/LOCALE.csv with file, transcript, translation and intent, and a folder audio",
    recognises,
    list_entries,
)
