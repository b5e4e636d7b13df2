"""Reads the sheets of an Excel file that list recordings: all those with the same columns."""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from qal.corpus.importers.tables.columns import column_key
from qal.corpus.importers.tables.delimited import MAX_ROWS_ABOVE, above_header, find_header, unique_names
from qal.corpus.importers.tables.records import BadRecord, Record, Table, translated
from qal.errors import CorpusError
from qal.storage import format_bytes, require_regular

MAX_MERGED_BYTES = 200_000_000  # of a sheet that is searched for merged cells
MERGED = re.compile(rb'<mergeCell ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')
MAX_SHEET_BYTES = 2_000_000_000  # unpacked
SHEET_COLUMN = "sheet"  # added where several sheets are read, because their names may be those of splits
NOT_READ = "Sheets of {1} that are not read: {0}"


@dataclass(frozen=True)
class _Sheet:
    """A sheet with cells."""

    name: str
    header_row: int  # number of the row with the names of the columns
    columns: tuple[str, ...]
    rows_above: int
    known: int  # columns with usual names


def read_sheets(path: Path, known: set[str]) -> Table:
    """Opens an Excel file.

    Args:
        path: the file.
        known: usual names of columns, as `column_key` writes them.

    Raises:
        CorpusError: it cannot be read or is empty."""
    from openpyxl.utils.exceptions import InvalidFileException

    errors = (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError, SyntaxError, TypeError)
    try:
        _require_small(path)
        sheets = [sheet for name, rows in _sheets(path) if (sheet := _with_header(name, list(rows), known))]
    except errors as error:
        raise CorpusError(f"{path.name}: cannot be read as an Excel file; save it as CSV in UTF-8") from error
    if not sheets:
        raise CorpusError(f"{path.name}: is empty; write the names of its columns into the first row")
    first = next((sheet for sheet in sheets if sheet.known > 1), sheets[0])
    used = {sheet.name: sheet for sheet in sheets if set(sheet.columns) == set(first.columns)}
    columns = first.columns if len(used) == 1 else tuple(dict.fromkeys((*first.columns, SHEET_COLUMN)))

    def records() -> Iterator[Record | BadRecord]:
        for name, rows in _sheets(path, limit=None):
            if sheet := used.get(name):
                yield from _records(sheet, rows, is_one_of_several=len(used) > 1)

    return Table(path, columns, lambda: translated(records(), path, errors), "row", _notes(path, sheets, used))


def _require_small(path: Path) -> None:
    with zipfile.ZipFile(require_regular(path)) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > MAX_SHEET_BYTES:
        raise CorpusError(f"{path.name}: unpacks to {format_bytes(size)}; save it as CSV")


Rows = Iterator[tuple[int, list[Any]]]  # with the number of each row


def _sheets(path: Path, limit: int | None = MAX_ROWS_ABOVE + 1) -> Iterator[tuple[str, Rows]]:
    """Yields the name of each sheet and its first rows with cells, with their numbers."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        for sheet in book.worksheets:
            numbered = ((i, list(cells)) for i, cells in enumerate(sheet.iter_rows(values_only=True), start=1))
            rows = _unmerged(numbered, _merged_downwards(path, sheet))
            filled = ((i, cells) for i, cells in rows if any(cell not in (None, "") for cell in cells))
            yield sheet.title, islice(filled, limit)
    finally:
        book.close()


def _merged_downwards(path: Path, sheet: Any) -> Mapping[tuple[int, int], int]:
    """Returns the last row of each group of cells that are merged downwards, by its first row and column (from 0).

    openpyxl reads merged cells only with the whole sheet; the sheet's name in the file is a private attribute."""
    with zipfile.ZipFile(path) as archive:
        name = sheet._worksheet_path
        content = archive.read(name) if archive.getinfo(name).file_size <= MAX_MERGED_BYTES else b""
    found = ((int(first), int(last), column, other) for column, first, other, last in MERGED.findall(content))
    return {(first, _column_index(column)): last for first, last, column, other in found if column == other}


def _column_index(letters: bytes) -> int:
    """Returns the index of a column, 0 for A."""
    index = 0
    for letter in letters:
        index = 26 * index + letter - ord("A") + 1
    return index - 1


def _unmerged(rows: Iterator[tuple[int, list[Any]]], merged: Mapping[tuple[int, int], int]) -> Rows:
    """Yields the rows with the value of merged cells in each of their rows."""
    values: dict[int, tuple[Any, int]] = {}  # value and last row by column
    for number, cells in rows:
        for column, (value, last) in values.items():
            if number <= last and column < len(cells) and cells[column] is None:
                cells[column] = value
        values |= {i: (cells[i], merged[number, i]) for i in range(len(cells)) if (number, i) in merged}
        yield number, cells


def _with_header(name: str, rows: Sequence[tuple[int, list[Any]]], known: set[str]) -> _Sheet | None:
    if not rows:
        return None
    named = [unique_names(["" if cell is None else str(cell).strip() for cell in cells]) for _, cells in rows]
    header = find_header(named, known, 0)
    count = len({column_key(column) for column in named[header]} & known)
    return _Sheet(name, rows[header][0], named[header], header, count)


def _records(sheet: _Sheet, rows: Rows, is_one_of_several: bool) -> Iterator[Record]:
    added = {SHEET_COLUMN: sheet.name} if is_one_of_several else {}
    for number, cells in rows:
        if number > sheet.header_row:
            values = {**added, **dict(zip(sheet.columns, cells, strict=False))}
            yield Record(number, values, sheet=sheet.name if is_one_of_several else "")


def _notes(path: Path, sheets: Sequence[_Sheet], used: dict[str, _Sheet]) -> str:
    above = next((sheet.rows_above for sheet in used.values() if sheet.rows_above), 0)
    others = ", ".join(f"'{sheet.name}'" for sheet in sheets if sheet.name not in used)
    notes = [f"{path.name}: {above_header('row', above)}" if above else "", NOT_READ.format(others, path.name)]
    return ". ".join(filter(None, notes if others else notes[:1]))
