"""Reads tables in any format: separated text, JSON lines, a JSON list, Parquet, and sheets of Excel."""

import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from qal.corpus.importers.tables.delimited import delimited_records, find_separator
from qal.corpus.importers.tables.records import BadRecord, Record
from qal.corpus.importers.tables.text_encoding import TextEncoding, find_encoding, is_damaged, text_lines
from qal.errors import CorpusError
from qal.storage import format_bytes, require_regular

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx")
JSON_LINES = (".jsonl", ".ndjson")
PARQUET_BATCH = 16  # rows; each may hold a recording
SAMPLE_RECORDS = 20  # whose keys are the columns of a JSON table
MAX_JSON_BYTES = 500_000_000  # a list in JSON is read at once
MAX_SHEET_BYTES = 2_000_000_000  # unpacked
GUESSED = "{} was read as {}, because it is not UTF-8. If letters are wrong, save it as UTF-8"


@dataclass(frozen=True)
class Table:
    """A table that can be read several times."""

    path: Path
    columns: tuple[str, ...]
    records: Callable[[], Iterator[Record | BadRecord]]
    unit: str = "line"  # what the numbers of the records count
    notes: str = ""

    def inner(self, folder: Path) -> str:
        """Returns the path of the table relative to a folder."""
        return str(self.path.relative_to(folder) if self.path.is_relative_to(folder) else self.path)


def is_table(path: Path) -> bool:
    """True if the name of a file is that of a table."""
    return path.suffix.lower() in TABLE_SUFFIXES and not path.name.startswith((".", "~$")) and path.is_file()


def read_table(path: Path, known_columns: Iterable[str], language: str = "") -> Table:
    """Opens a table.

    Args:
        path: a file with one of TABLE_SUFFIXES.
        known_columns: usual names of columns, in lower case, by which a separator is recognised.
        language: code of the language of its texts, if it is known.

    Raises:
        CorpusError: it cannot be read as a table."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    if suffix == ".xlsx":
        return _sheet(path)
    encoding = find_encoding(path, language)
    notes = GUESSED.format(path.name, encoding.name) if encoding.is_guessed else ""
    if suffix in JSON_LINES:
        return _json_table(path, lambda: _json_lines(path, encoding), "line", notes)
    if suffix == ".json":
        return _json_file(path, encoding, notes)
    found = find_separator(text_lines(path, encoding), known_columns, suffix)
    if found is None:
        raise CorpusError(f"{path.name}: is empty; write the names of its columns into the first line")
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


def _json_file(path: Path, encoding: TextEncoding, notes: str) -> Table:
    """Reads a list of objects, or an object that holds one; a file of JSON lines under this name is read, too."""
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
        value = lists[0] if len(lists) == 1 else [value]
    if not isinstance(value, list):
        raise CorpusError(f"{path.name}: holds no list of objects; write one JSON object a recording")
    return _json_table(path, lambda: (_json_record(i, item) for i, item in enumerate(value, start=1)), "entry", notes)


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
    return Table(path, columns, lambda: _translated(records(), path, pyarrow.ArrowException), "row")


def _translated(
    records: Iterator[Record | BadRecord], path: Path, errors: type[Exception] | tuple[type[Exception], ...]
) -> Iterator[Record | BadRecord]:
    """Yields records. Raises CorpusError in place of the errors of a library."""
    number = 0
    try:
        for record in records:
            number = record.number
            yield record
    except errors as error:
        raise CorpusError(f"{path.name}: is damaged after row {number}; download or make it again") from error


def _sheet(path: Path) -> Table:
    """Reads the first sheet of an Excel file that has a cell."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    errors = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError, TypeError)

    def rows() -> Iterator[tuple[int, list[Any]]]:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            for sheet in book.worksheets:
                found = False
                for number, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                    if any(cell not in (None, "") for cell in cells):
                        found = True
                        yield number, list(cells)
                if found:
                    return
        finally:
            book.close()

    try:
        with zipfile.ZipFile(require_regular(path)) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MAX_SHEET_BYTES:
            raise CorpusError(f"{path.name}: unpacks to {format_bytes(size)}; save it as CSV")
        first = next(rows(), None)
    except errors as error:
        raise CorpusError(f"{path.name}: cannot be read as an Excel file; save it as CSV in UTF-8") from error
    if first is None:
        raise CorpusError(f"{path.name}: is empty; write the names of its columns into the first row")
    columns = tuple(
        str(cell).strip() if cell is not None else f"column {i}" for i, cell in enumerate(first[1], start=1)
    )

    def records() -> Iterator[Record | BadRecord]:
        for number, cells in islice(rows(), 1, None):
            yield Record(number, dict(zip(columns, cells, strict=False)))

    return Table(path, columns, lambda: _translated(records(), path, errors), "row")
