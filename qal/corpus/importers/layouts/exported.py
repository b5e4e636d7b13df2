"""Reads back the exports of Qal (metadata.csv, or train/, validation/, test/ with metadata.jsonl), and its datasets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qal.corpus.exporters.columns import COLUMNS, FILE
from qal.corpus.importers.hugging_face.table_rows import parsed_marks
from qal.corpus.importers.layouts.json_lines import first_object, read_json_lines
from qal.corpus.importers.layouts.lines import first_line, read_table
from qal.corpus.importers.layouts.source_folder import SourceFolder, content_folder
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, SourceFormat
from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE, Origin
from qal.corpus.split import SPLITS

TABLE, SPLIT_TABLE = "metadata.csv", "metadata.jsonl"
AUDIO, DATASET_KEYS = "audio", {"audio", "text", "language", "split", "sha256"}  # of a manifest of Qal
MAX_ORIGIN_BYTES = 1_000_000


def recognises(path: Path) -> bool:
    return bool(_tables(content_folder(_folder(path))))


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the rows of all tables."""
    path = _folder(path)
    source = SourceFolder(path, options)
    listing = Listing(_entries(source, _tables(content_folder(path))), source=f"export {path.resolve().name}")
    return with_origin(listing, content_folder(path))


def with_origin(listing: Listing, folder: Path) -> Listing:
    """Returns the listing with the source and licence that an export of Qal states, if the folder is one."""
    path = folder / CORPUS_INFO_FILE
    try:
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_ORIGIN_BYTES:
            return listing
        origin = Origin.model_validate_json(path.read_bytes())
    except (ValidationError, OSError):
        return listing
    return replace(
        listing, source=origin.source, licence=origin.licence, attribution=origin.attribution, notes=origin.notes
    )


def _folder(path: Path) -> Path:
    """Returns the folder of a dataset for its manifest, and any other path as it is."""
    return path.parent if path.name == MANIFEST_FILE and path.is_file() else path


def _tables(folder: Path) -> Sequence[Path]:
    if not folder.is_dir():
        return []
    if (folder / TABLE).is_file():
        is_export = first_line(folder / TABLE) == ",".join(COLUMNS)
        return [folder / TABLE] if is_export else []
    manifest = folder / MANIFEST_FILE
    if manifest.is_file() and first_object(manifest).keys() >= DATASET_KEYS:
        return [manifest]
    tables = [folder / split / SPLIT_TABLE for split in SPLITS]
    return [table for table in tables if table.is_file() and first_object(table).keys() >= set(COLUMNS)]


def _entries(source: SourceFolder, tables: Sequence[Path]) -> Iterator[Candidate | Problem]:
    for table in tables:
        is_csv = table.name == TABLE
        lines = read_table(source, table, ",", quoted=True) if is_csv else read_json_lines(source, table)
        for line in lines:
            yield line if isinstance(line, Problem) else _candidate(source, table.parent, line.place, line.values)


def _candidate(source: SourceFolder, base: Path, place: str, values: Mapping[str, Any]) -> Candidate | Problem:
    return source.candidate(
        place,
        str(values.get(FILE) or values.get(AUDIO) or ""),
        str(values.get("text") or ""),
        base,
        language=str(values.get("language") or ""),
        speaker=str(values.get("speaker") or ""),
        translation=str(values.get("translation") or ""),
        split_name=str(values.get("split") or ""),
        marks=tuple(map(str, parsed_marks(values.get("marks")))),
    )


EXPORTED = SourceFormat(
    "export",
    "export of Qal",
    "a dataset of Qal, or a folder that `qal corpus export --to folder` or `--to audiofolder` wrote",
    recognises,
    list_entries,
)
