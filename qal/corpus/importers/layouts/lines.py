"""Reads text files line by line, also compressed ones: in bounded memory, each line with its place for messages."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from qal.corpus.importers.layouts.source_folder import LINK_OUTSIDE, SourceFolder
from qal.corpus.importers.listing import Problem
from qal.storage import require_regular

MAX_LINE_BYTES = 1_000_000
MAX_GROWTH = 200  # of a compressed table; text becomes ten to thirty times as large
MIN_GROWN_BYTES = 256_000_000  # a compressed table may always grow to this size
NOT_UTF8 = "is not UTF-8 text; save the file as UTF-8"
GZIP = ".gz"


@dataclass(frozen=True)
class Line:
    """A line without its end."""

    place: str
    text: str


@dataclass(frozen=True)
class Record:
    """A line of a table by the names of its columns."""

    place: str
    values: Mapping[str, str]

    def get(self, *columns: str) -> str:
        """Returns the first value that is not empty, "" if there is none."""
        return next((self.values[name] for name in columns if self.values.get(name)), "")


def read_lines(source: SourceFolder, path: Path) -> Iterator[Line | Problem]:
    """Yields the lines of a file that are not empty; a line that cannot be read is a problem.

    Raises StorageError for a pipe or a device."""
    if not source.holds(path):
        yield Problem(source.place(path), LINK_OUTSIDE.format(path.name))
        return
    name = source.place(path)
    limit = max(MIN_GROWN_BYTES, MAX_GROWTH * path.stat().st_size) if path.suffix == GZIP else None
    total = number = 0
    with ExitStack() as stack:
        file = cast("BinaryIO", stack.enter_context(_opened(path)))
        while True:
            number += 1
            try:
                content = file.readline(MAX_LINE_BYTES + 1)
            except (EOFError, OSError, zlib.error) as error:
                yield Problem(f"{name}, line {number}", f"cannot be read further ({error}); get the file again")
                return
            if not content:
                return
            total += len(content)
            if limit is not None and total > limit:
                yield Problem(f"{name}, line {number}", "is compressed so strongly that it is no table; not read on")
                return
            if len(content) > MAX_LINE_BYTES:
                yield Problem(f"{name}, line {number}", f"is longer than {MAX_LINE_BYTES:,} bytes; not read on")
                return
            yield from _decoded(content, f"{name}, line {number}", number)


def first_line(path: Path) -> str:
    """Returns the first line of a text file that is not empty; "" if it cannot be read as text."""
    try:
        with _opened(path) as file:
            for _ in range(10):
                content = cast("BinaryIO", file).readline(MAX_LINE_BYTES)
                if content.strip():
                    return content.decode("utf-8-sig").strip()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return ""
    return ""


def read_table(
    source: SourceFolder, path: Path, separator: str = "\t", columns: Sequence[str] = (), quoted: bool = False
) -> Iterator[Record | Problem]:
    """Yields the rows of a table, one a line.

    Args:
        source: the imported folder.
        path: the table.
        separator: of the columns.
        columns: their names; (): the first line names them.
        quoted: True if values may stand in quotation marks, as in CSV."""
    names = list(columns)
    for line in read_lines(source, path):
        if isinstance(line, Problem):
            yield line
            continue
        try:
            values = _split(line.text, separator, quoted)
        except csv.Error as error:
            yield Problem(line.place, f"cannot be read as CSV ({error}); correct its quotation marks and line end")
            continue
        if not names:
            names = [name.strip().lower() for name in values]
        elif len(values) > len(names):
            yield Problem(line.place, f"has {len(values)} columns instead of {len(names)}; correct the line")
        else:
            yield Record(line.place, dict(zip(names, map(str.strip, values), strict=False)))


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    require_regular(path)
    return gzip.open(path, "rb") if path.suffix == GZIP else path.open("rb")


def _decoded(content: bytes, place: str, number: int) -> Iterator[Line | Problem]:
    try:
        text = content.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        yield Problem(place, NOT_UTF8)
        return
    if text.strip():
        yield Line(place, text)


def _split(text: str, separator: str, quoted: bool) -> list[str]:
    if not quoted:
        return text.split(separator)
    return next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
