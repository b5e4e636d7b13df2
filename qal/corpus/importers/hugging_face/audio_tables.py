"""Tables of the Hugging Face hub that hold the recordings themselves, or name them, with an Audio column.

    Parquet files, as on the hub          data/train-00000-of-00002.parquet
    a data set saved with save_to_disk    dataset_dict.json, train/state.json, train/data-00000-of-00001.arrow
    a data set in the local cache         dataset_info.json, name-train.arrow

They are read with pyarrow in batches. Nothing is decoded: the recordings are handed on as they are stored."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from qal.corpus.importers.given_splits import folder_split
from qal.corpus.importers.hugging_face.column_names import FALLBACKS, recognised_columns
from qal.corpus.importers.hugging_face.table_rows import AudioColumn, TableRow, row_entry
from qal.corpus.importers.layouts.exported import with_origin
from qal.corpus.importers.layouts.source_folder import MAX_LOOKED_AT, SourceFolder, files_below
from qal.corpus.importers.listing import Candidate, Listing, ListingOptions, Problem, Role, SourceFormat
from qal.corpus.split import parse_split
from qal.errors import CorpusError

PARQUET, ARROW = ".parquet", ".arrow"
SAVED_SPLITS, SAVED_STATE, CACHED_INFO = "dataset_dict.json", "state.json", "dataset_info.json"
SHARD = re.compile(r"-\d{4,}-of-\d{4,}.*$")
UNLABELLED = ("unlabeled", "unlabelled", "unsupervised")
BATCH_ROWS = 16  # a recording may have megabytes
BUFFER_BYTES = 1_000_000
DAMAGED = "cannot be read ({}); get the file again"


@dataclass(frozen=True)
class AudioTable:
    """A file of a data set."""

    path: Path
    split: str  # as the data set spells it

    @cached_property
    def _schema(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with _arrow_errors(self.path):
            if self.path.suffix == PARQUET:
                return pq.read_schema(self.path)
            with pa.memory_map(str(self.path)) as file:
                return pa.ipc.open_stream(file).schema

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._schema.names)

    @cached_property
    def features(self) -> Mapping[str, Any]:
        """The features that `datasets` describes in the schema's metadata, {} if there are none."""
        try:
            described = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))
            return dict(described["info"]["features"])
        except (ValueError, KeyError, TypeError):
            return {}

    def audio_column(self) -> str | None:
        """Returns the column of the recordings: an Audio feature, or bytes with a path."""
        import pyarrow as pa

        for name, feature in self.features.items():
            if isinstance(feature, dict) and feature.get("_type") == "Audio" and name in self.columns:
                return name
        for field in self._schema:
            inner = {child.name for child in field.type} if pa.types.is_struct(field.type) else set()
            if inner >= {"bytes", "path"}:
                return field.name
        return None

    def rows(self, columns: Sequence[str]) -> Iterator[Mapping[str, Any]]:
        """Yields the rows. Raises CorpusError where the file is damaged."""
        with _arrow_errors(self.path):
            for batch in self._batches(columns):
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield from batch.slice(start, BATCH_ROWS).to_pylist()

    def _batches(self, columns: Sequence[str]) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.path.suffix == PARQUET:
            with pq.ParquetFile(self.path, pre_buffer=False, buffer_size=BUFFER_BYTES) as file:
                yield from file.iter_batches(BATCH_ROWS, columns=list(columns))
            return
        with pa.memory_map(str(self.path)) as file:
            for batch in pa.ipc.open_stream(file):
                yield batch.select(list(columns))


def recognises(path: Path) -> bool:
    try:
        tables = audio_tables(path)
        return bool(tables) and tables[0].audio_column() is not None
    except CorpusError:
        return False


def list_entries(path: Path, options: ListingOptions) -> Listing:
    """Lists the rows of all files. Raises CorpusError if no column holds the text."""
    source = SourceFolder(path if path.is_dir() else path.parent, options)
    tables = audio_tables(path)
    labelled = tables if options.no_text else [table for table in tables if table.split not in UNLABELLED]
    audio = labelled[0].audio_column() if labelled else None
    if not labelled or audio is None:
        raise CorpusError(f"{path}: holds no recordings with texts; import the audio alone without text")
    columns = labelled[0].columns
    roles = recognised_columns(columns, audio, options.columns, options.no_text)
    entries = (entry for table in labelled for entry in _entries(source, table, roles))
    left_out = len(tables) - len(labelled)
    notes = f"{left_out} files without transcripts are not imported." if left_out else ""
    listing = Listing(entries, columns, roles, source=f"data set {path.resolve().name}", notes=notes)
    return with_origin(listing, source.root)


def audio_tables(path: Path) -> list[AudioTable]:
    """Returns the files of a data set in their order."""
    if path.is_file():
        return [AudioTable(path, _split_of(path, path.parent))] if path.suffix == PARQUET else []
    saved = _saved_folders(path)
    if saved:
        return [AudioTable(file, split) for folder, split in saved for file in _saved_files(folder)]
    is_cached = (path / CACHED_INFO).is_file()
    endings = (PARQUET, ARROW) if is_cached else (PARQUET,)
    files = [file for file in islice(files_below(path), MAX_LOOKED_AT) if file.suffix in endings]
    return [AudioTable(file, _split_of(file, path)) for file in files if not file.name.startswith("cache-")]


def _entries(source: SourceFolder, table: AudioTable, roles: Mapping[Role, str]) -> Iterator[Candidate | Problem]:
    missing = [name for name in roles.values() if name not in table.columns]
    if missing or not source.holds(table.path):
        reason = f"has no column '{missing[0]}'" if missing else "is a link that leads out of the imported folder"
        yield Problem(source.place(table.path), reason)
        return
    extra = [name for name in ("marks", *_fallbacks(table, roles)) if name in table.columns]
    column = AudioColumn(roles, table.features)
    number = 0
    try:
        for number, values in enumerate(table.rows([*dict.fromkeys([*roles.values(), *extra])]), start=1):
            place = f"{source.place(table.path)}, row {number}"
            name = f"{table.path.stem}-{number:06d}"
            row = TableRow(place, name, values, table.split)
            yield row_entry(row, column, source.options.no_text, source, table.path.parent)
    except CorpusError as error:
        yield Problem(f"{source.place(table.path)}, row {number + 1}", str(error))


def _fallbacks(table: AudioTable, roles: Mapping[Role, str]) -> list[str]:
    return [FALLBACKS[name] for name in roles.values() if FALLBACKS.get(name) in table.columns]


def _saved_folders(path: Path) -> list[tuple[Path, str]]:
    """Returns the folders that `save_to_disk` wrote, each with its split."""
    if (path / SAVED_STATE).is_file():
        return [(path, folder_split(Path(path.name, "x")))]
    splits = _read_json(path / SAVED_SPLITS).get("splits")
    if not isinstance(splits, list):
        return []
    folders = [(path / str(split), str(split)) for split in splits if _is_plain_name(split)]
    return [(folder, split) for folder, split in folders if (folder / SAVED_STATE).is_file()]


def _saved_files(folder: Path) -> list[Path]:
    files = _read_json(folder / SAVED_STATE).get("_data_files")
    names = [item.get("filename") for item in files if isinstance(item, dict)] if isinstance(files, list) else []
    return [folder / name for name in names if _is_plain_name(name) and (folder / name).is_file()]


def _is_plain_name(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and Path(name).name == name and name not in ("", ".", "..")


def _read_json(path: Path) -> Mapping[str, Any]:
    try:
        values = json.loads(path.read_bytes()) if path.is_file() else {}
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _split_of(file: Path, root: Path) -> str:
    """Returns the split that a file's name or folder names; "" if there is none."""
    stem = SHARD.sub("", file.stem)
    words = [stem, *reversed(stem.split("-"))]
    found = next((word for word in words if parse_split(word) or word in UNLABELLED), "")
    return found or folder_split(file.relative_to(root))


@contextmanager
def _arrow_errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise CorpusError(f"{path.name}: {DAMAGED.format(str(error).splitlines()[0])}") from error


DATASETS = SourceFormat(
    "datasets",
    "Hugging Face data set",
    "Parquet files with an audio column, or a data set saved by the library datasets or in its cache",
    recognises,
    list_entries,
)
