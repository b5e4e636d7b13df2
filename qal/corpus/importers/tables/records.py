"""The rows of a table before its columns have a meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Record:
    """A row of a table: the values of its columns."""

    number: int  # of its line, or of the entry in a format without lines
    values: Mapping[str, Any]
    notes: tuple[str, ...] = field(default=())  # what should be known about it


@dataclass(frozen=True)
class BadRecord:
    """A row of a table that cannot be read."""

    number: int
    reason: str
