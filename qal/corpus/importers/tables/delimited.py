"""Reads tables of text lines with a separator: CSV, TSV, semicolons and bars, with and without quotation marks.

A quotation mark that is not closed would swallow the lines after it. So each line is a row of its own, unless quotation
marks join it with the next ones to a row of the right number of columns, none of which is such a row by itself."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.tables.columns import column_key, names_recordings
from qal.corpus.importers.tables.records import BadRecord, Record
from qal.corpus.importers.tables.text_encoding import is_damaged

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
QUOTE, ESCAPED_QUOTE = '"', '\\"'
SAMPLE_LINES = 50
MAX_JOINED_LINES = 30  # of one field; a longer one is a quotation mark that is not closed
EXCEL_HINT = "sep="  # the first line of some tables of Excel
MIN_KNOWN_NAMES = 2  # of a first row that holds the names of the columns
MAX_ROWS_ABOVE = 20  # with a title
ABOVE_HEADER = "{} {} above the names of the columns {} not read"
OPEN_QUOTE = "its quotation mark is not closed"


@dataclass(frozen=True)
class Delimited:
    """How the lines of a table are divided."""

    separator: str
    header_line: int  # number of the line with the names of the columns; without one, of the line before the first row
    columns: tuple[str, ...]
    lines_above: int = 0  # lines with a title above the names of the columns, which are not read


def find_separator(lines: Iterable[str], known_columns: Iterable[str], suffix: str) -> Delimited | None:
    """Finds the separator of a table and its columns; None if there is no line.

    Args:
        lines: the lines of the table.
        known_columns: usual names of columns, in lower case; a separator that gives them is preferred.
        suffix: of the file's name."""
    sample = list(islice(lines, SAMPLE_LINES))
    first = next((i for i, line in enumerate(sample) if line.strip()), None)
    if first is None:
        return None
    if sample[first].lower().startswith(EXCEL_HINT) and len(sample[first].strip()) <= len(EXCEL_HINT) + 1:
        separator = sample[first][len(EXCEL_HINT) :] or "\t"
        header = next((i for i in range(first + 1, len(sample)) if sample[i].strip()), first)
        return Delimited(separator, header + 1, _header(sample[header], separator))
    known = set(known_columns)
    first = find_header([_split_as(line) for line in sample], known, first)

    def score(separator: str) -> tuple[int, float, int, int]:
        columns = _header(sample[first], separator)
        same = [len(split_line(line, separator)) == len(columns) for line in sample[first + 1 :] if line.strip()]
        share = sum(same) / len(same) if same else 1.0
        names = sum(column_key(column) in known for column in columns)
        return names, share if len(columns) > 1 else 0.0, int(separator == "\t" and suffix == ".tsv"), len(columns)

    best = max(SEPARATORS, key=score)
    columns = _header(sample[first], best)
    if known.isdisjoint(map(column_key, columns)) and (named := _columns_without_header(columns)):
        return Delimited(best, first, named)
    return Delimited(best, first + 1, columns, sum(bool(line.strip()) for line in sample[:first]))


def above_header(unit: str, count: int) -> str:
    """Returns a phrase that says how many lines or rows above the names of the columns are not read; "" for none."""
    is_one = count == 1
    return ABOVE_HEADER.format(count, unit if is_one else f"{unit}s", "is" if is_one else "are") if count else ""


def find_header(rows: Sequence[Sequence[str]], known: set[str], first: int) -> int:
    """Returns the index of the row with the names of the columns, which may stand below a title.

    A row below the first one counts if it has usual names for the file and for the text, as the second row of a header
    does whose upper row joins some columns."""
    count = _count_known(rows[first], known)
    if count >= MIN_KNOWN_NAMES:
        has_more = first + 1 < len(rows) and _count_known(rows[first + 1], known) > count
        return first + 1 if has_more and names_recordings(rows[first + 1]) else first
    below = range(first + 1, min(len(rows), first + MAX_ROWS_ABOVE + 1))
    return next((i for i in below if names_recordings(rows[i])), first)


def _count_known(names: Sequence[str], known: set[str]) -> int:
    return len({column_key(name) for name in names} & known)


def _split_as(line: str) -> list[str]:
    """Splits a line at every separator that there may be."""
    return re.split("[,;|\t]", line.replace(QUOTE, ""))


def _columns_without_header(values: Sequence[str]) -> tuple[str, ...]:
    """Returns names for the columns of a table whose first line is a row, with one recording; () for a header."""
    files = [os.path.splitext(value)[1].lower() in AUDIO_SUFFIXES for value in values]
    if sum(files) != 1:
        return ()
    others = "text" if len(values) == 2 else "column {}"
    return tuple("file" if is_file else others.format(i) for i, is_file in enumerate(files, start=1))


def _header(line: str, separator: str) -> tuple[str, ...]:
    return unique_names([name.strip().strip(QUOTE).strip() for name in split_line(line, separator)])


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of columns, with one for each that has none or that of an earlier column."""
    names = list(names)
    while names and not names[-1]:  # Excel adds separators to the ends of lines
        names.pop()
    seen: Counter[str] = Counter()
    unique = []
    for i, name in enumerate(names, start=1):
        name = name or f"column {i}"
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(unique)


def split_line(line: str, separator: str) -> list[str]:
    """Splits one line, by the rules of quotation marks if it follows them, else at every separator."""
    fields = _parsed(line, separator)
    return line.split(separator) if fields is None else fields


def _parsed(text: str, separator: str) -> list[str] | None:
    """Returns the fields of a row in which all quotation marks are closed, or None."""
    if QUOTE not in text:
        return text.split(separator)
    for escape in (None, "\\") if ESCAPED_QUOTE in text else (None,):
        try:
            rows = list(csv.reader([text], delimiter=separator, strict=True, doublequote=not escape, escapechar=escape))
        except csv.Error:
            continue
        if len(rows) == 1:
            return rows[0]
    return None


def delimited_records(lines: Iterable[str], table: Delimited) -> Iterator[Record | BadRecord]:
    """Yields the rows below the header, with the numbers of their lines, from 1."""
    numbered = _Lines(islice(lines, table.header_line, None), table.header_line + 1)
    for number, line in numbered:
        if not line.strip().strip(table.separator):
            continue
        if is_damaged(line):
            yield BadRecord(number, "has letters that are not UTF-8; save the table as UTF-8")
            continue
        yield _record(number, line, numbered, table)


class _Lines(Iterator[tuple[int, str]]):
    """Numbered lines, with a view of those that come next."""

    def __init__(self, lines: Iterable[str], start: int):
        self._lines, self._ahead, self._number = iter(lines), [], start - 1

    def __next__(self) -> tuple[int, str]:
        line = self._ahead.pop(0) if self._ahead else next(self._lines)
        self._number += 1
        return self._number, line

    def ahead(self, count: int) -> list[str]:
        """Returns up to `count` of the next lines, which remain."""
        self._ahead += islice(self._lines, max(0, count - len(self._ahead)))
        return self._ahead[:count]

    def skip(self, count: int) -> None:
        for _ in range(count):
            next(self)


def _record(number: int, line: str, lines: _Lines, table: Delimited) -> Record | BadRecord:
    width, separator = len(table.columns), table.separator
    plain = line.split(separator)
    if separator == "\t" and len(_trimmed(plain, width)) == width:
        return Record(number, dict(zip(table.columns, map(_unquoted, _trimmed(plain, width)), strict=True)))
    fields, notes = _parsed(line, separator), ()
    if fields is None:
        fields, joined = _joined(line, lines, table)
        if fields is not None:
            lines.skip(joined)
        else:
            fields, notes = plain, (f"{OPEN_QUOTE} (line {number})",)
    fields = _trimmed(fields, width)
    if len(fields) > width:
        advice = (
            "check its quotation marks"
            if notes
            else f"put texts with {SEPARATORS.get(separator, separator)} in quotation marks"
        )
        return BadRecord(number, f"has {len(fields)} columns, but the table has {width}; {advice}")
    return Record(number, dict(zip(table.columns, fields, strict=False)), notes)


def _joined(line: str, lines: _Lines, table: Delimited) -> tuple[list[str] | None, int]:
    """Returns the fields of a row that spans several lines, and how many lines follow its first one.

    None if its quotation mark is not closed, or only by one of another row."""
    text = line
    for count, following in enumerate(lines.ahead(MAX_JOINED_LINES), start=1):
        alone = _parsed(following, table.separator) if following.count(QUOTE) % 2 == 0 else None
        if alone is not None and len(alone) == len(table.columns) > 1:
            return None, 0
        text = f"{text}\n{following}"
        fields = _parsed_lines(text, table.separator)
        if fields is not None:
            return (fields, count) if len(_trimmed(fields, len(table.columns))) == len(table.columns) else (None, 0)
    return None, 0


def _parsed_lines(text: str, separator: str) -> list[str] | None:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _trimmed(fields: Sequence[str], width: int) -> list[str]:
    """Returns the fields without empty ones beyond the columns of the table."""
    fields = list(fields)
    while len(fields) > width and not fields[-1].strip():
        fields.pop()
    return fields


def _unquoted(field: str) -> str:
    """Returns a field of a tab-separated table; Excel and pandas put quotation marks around one that contains some."""
    if len(field) < 2 or not field.startswith(QUOTE) or not field.endswith(QUOTE):
        return field
    parts = field[1:-1].split(QUOTE * 2)
    return QUOTE.join(parts) if len(parts) > 1 and not any(QUOTE in part for part in parts) else field
