"""Reads tables in any format: separated text, JSON lines, a JSON list, Parquet, and sheets of Excel."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.tables.columns import column_key, names_recordings
from qal.corpus.importers.tables.delimited import SEPARATORS, Delimited, above_header, delimited_records, find_separator
from qal.corpus.importers.tables.json_objects import recognised_segments
from qal.corpus.importers.tables.records import BadRecord, Record, Table, translated
from qal.corpus.importers.tables.sheets import read_sheets
from qal.corpus.importers.tables.text_encoding import TextEncoding, find_encoding, is_damaged, text_lines
from qal.errors import CorpusError, StorageError
from qal.storage import format_bytes, require_regular

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
TEXT_SUFFIX = ".txt"
JSON_LINES = (".jsonl", ".ndjson")
PARQUET_BATCH = 16  # rows; each may hold a recording
SAMPLE_RECORDS = 20  # whose keys are the columns of a JSON table
MAX_JSON_BYTES = 500_000_000  # a list in JSON is read at once
GUESSED = "{} was read as {}, because it is not UTF-8. If letters are wrong, save it as UTF-8"


def is_table(path: Path) -> bool:
    """True if the name of a file is that of a table, or if a text begins like one."""
    if path.name.startswith((".", "~$")) or not path.is_file():
        return False
    suffix = path.suffix.lower()
    return suffix in TABLE_SUFFIXES or (suffix == TEXT_SUFFIX and _is_text_table(path))


def _is_text_table(path: Path) -> bool:
    """True if the first lines of a text are rows with the name of an audio file, or the names of their columns."""
    try:
        rows = [line for line in islice(text_lines(path, find_encoding(path)), SAMPLE_RECORDS) if line.strip()]
    except (CorpusError, StorageError, OSError, UnicodeError):
        return False
    if not rows:
        return False
    if any(names_recordings(rows[0].split(separator)) for separator in SEPARATORS):
        return True
    return any(all(_count_files(row.split(separator)) == 1 for row in rows) for separator in SEPARATORS)


def _count_files(values: list[str]) -> int:
    """Returns how many of several values are names of audio files; 0 for a single value."""
    return sum(Path(value.strip()).suffix.lower() in AUDIO_SUFFIXES for value in values) if len(values) > 1 else 0


def read_table(path: Path, known_columns: Iterable[str], language: str = "", columns: tuple[str, ...] = ()) -> Table:
    """Opens a table.

    Args:
        path: a file with one of TABLE_SUFFIXES.
        known_columns: usual names of columns, in lower case, by which a separator is recognised.
        language: code of the language of its texts, if it is known.
        columns: names of the columns of a table of text lines without a header; (): it names them.

    Raises:
        CorpusError: it cannot be read as a table."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix == ".xlsx":
        return read_sheets(path, set(known_columns))
    encoding = find_encoding(path, language)
    notes = GUESSED.format(path.name, encoding.name) if encoding.is_guessed else ""
    known = set(known_columns)
    if suffix in JSON_LINES:
        return _json_table(path, lambda: _json_lines(path, encoding), "line", notes)
    if suffix == ".json":
        return _json_file(path, encoding, notes, known)
    found = find_separator(text_lines(path, encoding), known, suffix)
    if found is None:
        raise CorpusError(f"{path.name}: is empty; write the names of its columns into the first line")
    if columns:
        found = Delimited(found.separator, found.header_line - 1, columns)
    above = above_header("line", found.lines_above)
    notes = ". ".join(filter(None, (notes, f"{path.name}: {above}" if above else "")))
    return Table(path, found.columns, lambda: delimited_records(text_lines(path, encoding), found), "line", notes)


def _json_table(path: Path, records: Callable[[], Iterator[Record | BadRecord]], unit: str, notes: str) -> Table:
    """Makes a table whose columns are the keys of its first records."""
    columns: dict[str, None] = {}
    first_problem: BadRecord | None = None
    for record in islice(records(), SAMPLE_RECORDS):
        if isinstance(record, Record):
            columns.update(dict.fromkeys(record.values))
        else:
            first_problem = first_problem or record
    if not columns:
        place = f"{unit} {first_problem.number} {first_problem.reason}" if first_problem else "it holds no objects"
        raise CorpusError(f"{path.name}: cannot be read ({place}); write one JSON object a recording")
    return Table(path, tuple(columns), records, unit, notes)


def _json_lines(path: Path, encoding: TextEncoding) -> Iterator[Record | BadRecord]:
    for number, line in enumerate(text_lines(path, encoding), start=1):
        if not line.strip():
            continue
        if is_damaged(line):
            yield BadRecord(number, "has letters that are not UTF-8; save the table as UTF-8")
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield BadRecord(number, "is not JSON; write one object a line")
            continue
        yield _json_record(number, value)


def _json_record(number: int, value: Any) -> Record | BadRecord:
    if not isinstance(value, dict):
        return BadRecord(number, "is not an object with names and values")
    return Record(number, value)


def _json_file(path: Path, encoding: TextEncoding, notes: str, known: set[str]) -> Table:
    """Reads a list of objects, an object that holds one, or texts or objects by the names of their recordings.

    A file of JSON lines under this name is read, too."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise CorpusError(
            f"{path.name}: is larger than {format_bytes(MAX_JSON_BYTES)}; save it as JSON lines, one object a line"
        )
    try:
        value = json.loads("\n".join(text_lines(path, encoding)))
    except (ValueError, RecursionError):
        return _json_table(path, lambda: _json_lines(path, encoding), "line", notes)
    if isinstance(value, Mapping):
        lists = [item for item in value.values() if isinstance(item, list) and any(isinstance(x, dict) for x in item)]
        listed = recognised_segments(value) or (lists[0] if len(lists) == 1 else None)
        value = listed or _by_name(value, known) or [value]
    if not isinstance(value, list):
        raise CorpusError(f"{path.name}: holds no list of objects; write one JSON object a recording")
    return _json_table(path, lambda: (_json_record(i, item) for i, item in enumerate(value, start=1)), "entry", notes)


def _by_name(value: Mapping[str, Any], known: set[str]) -> list[Any]:
    """Returns a list of objects for texts or objects by the names of their recordings; [] for any other object."""
    if not known.isdisjoint(map(column_key, value)):
        return []
    if all(isinstance(item, str) for item in value.values()):
        return [{"file": name, "text": item} for name, item in value.items()]
    if all(isinstance(item, Mapping) for item in value.values()):
        return [{"file": name, **item} for name, item in value.items()]
    return []


def _parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    def records() -> Iterator[Record | BadRecord]:
        number = 0
        with pyarrow.parquet.ParquetFile(require_regular(path)) as file:
            for batch in file.iter_batches(batch_size=PARQUET_BATCH):
                for values in batch.to_pylist():
                    number += 1
                    yield Record(number, values)

    try:
        columns = tuple(pyarrow.parquet.read_schema(require_regular(path)).names)
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{path.name}: cannot be read as a Parquet file; download or make it again") from error
    return Table(path, columns, lambda: translated(records(), path, pyarrow.ArrowException), "row")
