"""VoxPopuli: asr_train.tsv, asr_dev.tsv, asr_test.tsv with id, raw_text, normalized_text, speaker_id and split.

The audio is found by the id anywhere below the folder: in YEAR/ID.ogg as its scripts write it, or in the unpacked
archives of the hub. The raw text, with capitals and punctuation, is taken where there is one."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from qal.corpus.importers.layouts.key_index import KeyIndex
from qal.corpus.importers.layouts.lines import first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, audio_below, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat

SPLITS = ("train", "dev", "test")
COLUMNS = {"id", "normalized_text", "speaker_id"}
LICENCE = "CC0-1.0"
ATTRIBUTION = "VoxPopuli by Facebook AI Research; recordings of the European Parliament"


def recognises(path: Path) -> bool:
    return bool(_tables(path))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the recordings of the tables."""
    entries = _entries(SourceFolder(path, options))
    return Listing(entries, source=f"VoxPopuli, {path.resolve().name}", licence=LICENCE, attribution=ATTRIBUTION)


def _entries(source: SourceFolder) -> Iterator[Candidate | Problem]:
    for folder in sorted({table.parent for table in _tables(source.root)}):
        audio = KeyIndex()
        for path in audio_below(folder):
            audio.add(path.stem, str(path))
        for table in _tables(folder):
            for record in read_table(source, table):
                if isinstance(record, Problem):
                    yield record
                    continue
                name = record.get("id", "audio_id")
                yield source.candidate(
                    record.place,
                    audio.get(name) or name,
                    record.get("raw_text", "normalized_text"),
                    folder,
                    speaker=record.get("speaker_id"),
                    language=folder.name,
                    split_name=record.get("split") or table.stem.removeprefix("asr_"),
                )


def _tables(path: Path) -> Sequence[Path]:
    path = content_folder(path)
    if not path.is_dir():
        return []
    folders = [path, *sorted(child for child in path.iterdir() if child.is_dir())]
    tables = [folder / f"asr_{split}.tsv" for folder in folders for split in SPLITS]
    return [table for table in tables if table.is_file() and set(first_line(table).split("\t")) >= COLUMNS]


VOXPOPULI = SourceFormat(
    "voxpopuli",
    "VoxPopuli",
    "tables asr_train.tsv, asr_dev.tsv and asr_test.tsv, and the recordings in folders below",
    recognises,
    list_entries,
)
