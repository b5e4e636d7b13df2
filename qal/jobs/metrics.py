"""Incremental reading of metrics.jsonl: only the bytes that were appended are read."""

import itertools
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from qal.jobs.run import parse_row

MARKER_BYTES = 64  # before the read offset; if they changed, the file was replaced
MAX_CACHED_ROWS = 200_000  # of all files together; a row takes about a kilobyte

MetricsRows = list[dict[str, Any]]
FileStamp = tuple[int, int, int]  # inode, size in bytes, modification time in ns; it changes with the content
NO_FILE: FileStamp = (0, 0, 0)


class StampedRows(NamedTuple):
    """The rows of a metrics file and the stamp of that file."""

    stamp: FileStamp
    rows: MetricsRows


class MetricsReader:
    """Reads one metrics.jsonl: the same rows as Run.metrics(), but each byte only once. Safe for threads."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        self._reset()

    def read(self) -> StampedRows:
        """Returns the rows and the file's stamp. The rows are shared; do not change them."""
        with self._lock:
            self._update()
            if not self._unterminated_rows:
                return StampedRows(self._stamp, list(self._attempts.rows))
            attempts = self._attempts.copy()  # a complete last line without a newline counts already
            for row in self._unterminated_rows:
                attempts.add(row)
            return StampedRows(self._stamp, attempts.rows)

    def _reset(self) -> None:
        self._attempts = LastAttempts()
        self._unterminated_rows: MetricsRows = []
        self._offset = 0
        self._marker = b""
        self._stamp = NO_FILE

    def _update(self) -> None:
        try:
            with self._path.open("rb") as file:
                stat = os.fstat(file.fileno())
                stamp = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
                if stamp == self._stamp:
                    return
                file.seek(max(0, self._offset - len(self._marker)))
                has_grown = stat.st_ino == self._stamp[0] and stat.st_size > self._stamp[1]
                if not has_grown or file.read(len(self._marker)) != self._marker:
                    self._reset()
                    file.seek(0)
                self._add(file.read())
                self._stamp = stamp
        except OSError:  # missing or unreadable
            self._reset()

    def _add(self, appended: bytes) -> None:
        complete, newline, rest = appended.rpartition(b"\n")
        complete += newline
        for row in _parse_rows(complete):
            self._attempts.add(row)
        self._offset += len(complete)
        self._marker = (self._marker + complete)[-MARKER_BYTES:]
        self._unterminated_rows = _parse_rows(rest)


class LastAttempts:
    """Rows without the steps that a later attempt repeated. The rows of an attempt are in order.

    Args:
        rows: rows to start with.
        first_step: first step of each attempt in `rows`.
    """

    def __init__(self, rows: MetricsRows | None = None, first_step: dict[int, int] | None = None):
        self.rows, self._first_step = rows or [], first_step or {}

    def copy(self) -> "LastAttempts":
        return LastAttempts(list(self.rows), dict(self._first_step))

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row, and removes those that it repeats if it is the first of its attempt."""
        attempt, step = row["attempt"], row["step"]
        if attempt not in self._first_step:
            self._first_step[attempt] = step
            self.rows = [r for r in self.rows if r["attempt"] >= attempt or r["step"] < step]
        if all(step < first for later, first in self._first_step.items() if later > attempt):
            self.rows.append(row)


class MetricsCache:
    """Readers of many metrics files, shared by all pages; the least recently used are removed.

    Args:
        max_rows: upper limit of the rows of all files together, except for the last file.
    """

    def __init__(self, max_rows: int = MAX_CACHED_ROWS):
        self._max_rows, self._lock = max_rows, threading.Lock()
        self._readers: dict[Path, MetricsReader] = {}  # the most recently used is last
        self._row_counts: dict[Path, int] = {}

    def read(self, path: Path) -> StampedRows:
        """Returns the rows of a file and its stamp."""
        with self._lock:
            reader = self._readers.pop(path, None) or MetricsReader(path)
            self._readers[path] = reader
        result = reader.read()
        with self._lock:
            self._row_counts[path] = len(result.rows)
            while sum(self._row_counts.values()) > self._max_rows and len(self._readers) > 1:
                oldest = next(iter(self._readers))
                del self._readers[oldest]
                self._row_counts.pop(oldest, None)
        return result


def is_finite_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)


def train_seconds(rows: MetricsRows) -> float:
    """Returns the duration of the training in seconds, without the pauses between attempts."""
    return sum(b["time"] - a["time"] for a, b in itertools.pairwise(rows) if a["attempt"] == b["attempt"])


def _parse_rows(lines: bytes) -> MetricsRows:
    """Parses complete lines; values that are lists or objects are left out."""
    rows = filter(None, map(parse_row, lines.splitlines()))
    return [{sys.intern(k): v for k, v in row.items() if not isinstance(v, (list, dict))} for row in rows]
