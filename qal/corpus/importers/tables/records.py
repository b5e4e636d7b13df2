"""A table and its rows, before its columns have a meaning."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qal.errors import CorpusError


@dataclass(frozen=True)
class Record:
    """A row of a table: the values of its columns."""

    number: int  # of its line, or of the entry in a format without lines
    values: Mapping[str, Any]
    notes: tuple[str, ...] = field(default=())  # what should be known about it
    sheet: str = ""  # of a file with several sheets


@dataclass(frozen=True)
class BadRecord:
    """A row of a table that cannot be read."""

    number: int
    reason: str


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


def translated(
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
