"""The rows of metrics.jsonl as they come: only what was added is read. No torch here."""

import itertools
import math
import os
import sys
import threading
from pathlib import Path
from typing import Any, TypeGuard

from qal.jobs.run import parsed_row

MARK_BYTES = 64  # before the place that was read to: they tell a file that goes on from one that was replaced
MAX_ROWS = 200_000  # kept of all files together, about a kilobyte each

Rows = list[dict[str, Any]]
Stamp = tuple[int, int, int]  # inode, bytes, time of the last change: another stamp, other rows
NOTHING: Stamp = (0, 0, 0)


class MetricsFollower:
    """One metrics.jsonl. Gives the rows that Run.metrics() would, and reads each byte once."""

    def __init__(self, path: Path):
        self._path, self._lock = path, threading.Lock()
        self._forget()

    def read(self) -> tuple[Stamp, Rows]:
        """The file's stamp and its rows; the rows are shared, so nobody may change them."""
        with self._lock:
            self._follow()
            if not self._open_rows:
                return self._stamp, list(self._kept.rows)
            shown = self._kept.copy()  # a last line without its end, yet whole, counts already
            for row in self._open_rows:
                shown.add(row)
            return self._stamp, shown.rows

    def _forget(self) -> None:
        self._kept, self._open_rows = LastAttempts(), []
        self._offset, self._mark, self._stamp = 0, b"", NOTHING

    def _follow(self) -> None:
        try:
            with self._path.open("rb") as file:
                about = os.fstat(file.fileno())
                stamp = (about.st_ino, about.st_size, about.st_mtime_ns)
                if stamp == self._stamp:
                    return
                file.seek(max(0, self._offset - len(self._mark)))
                goes_on = about.st_ino == self._stamp[0] and about.st_size > self._stamp[1]
                if not goes_on or file.read(len(self._mark)) != self._mark:
                    self._forget()
                    file.seek(0)
                self._take(file.read())
                self._stamp = stamp
        except OSError:  # no file, or none that can be read
            self._forget()

    def _take(self, added: bytes) -> None:
        whole, newline, rest = added.rpartition(b"\n")
        whole += newline
        for row in _rows_of(whole):
            self._kept.add(row)
        self._offset += len(whole)
        self._mark = (self._mark + whole)[-MARK_BYTES:]
        self._open_rows = _rows_of(rest)


class LastAttempts:
    """Rows, less those whose step a later attempt did again. An attempt's rows are in order."""

    def __init__(self, rows: Rows | None = None, first_step: dict[int, int] | None = None):
        self.rows, self._first_step = rows or [], first_step or {}

    def copy(self) -> "LastAttempts":
        return LastAttempts(list(self.rows), dict(self._first_step))

    def add(self, row: dict[str, Any]) -> None:
        attempt, step = row["attempt"], row["step"]
        if attempt not in self._first_step:
            self._first_step[attempt] = step
            self.rows = [r for r in self.rows if r["attempt"] >= attempt or r["step"] < step]
        if all(step < first for later, first in self._first_step.items() if later > attempt):
            self.rows.append(row)


class Followers:
    """Of many files, shared by all pages; those that nobody asked for longest are let go."""

    def __init__(self, max_rows: int = MAX_ROWS):
        self._max_rows, self._lock = max_rows, threading.Lock()
        self._followers: dict[Path, MetricsFollower] = {}  # the one that was asked for last is last
        self._sizes: dict[Path, int] = {}

    def read(self, path: Path) -> tuple[Stamp, Rows]:
        with self._lock:
            follower = self._followers.pop(path, None) or MetricsFollower(path)
            self._followers[path] = follower
        stamp, rows = follower.read()
        with self._lock:
            self._sizes[path] = len(rows)
            while sum(self._sizes.values()) > self._max_rows and len(self._followers) > 1:
                oldest = next(iter(self._followers))
                del self._followers[oldest]
                self._sizes.pop(oldest, None)
        return stamp, rows


def is_figure(value: object) -> TypeGuard[float]:
    """True of what can be drawn."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def train_seconds(rows: Rows) -> float:
    """Time between rows of the same attempt, added up: what training took, pauses left out."""
    return sum(b["time"] - a["time"] for a, b in itertools.pairwise(rows) if a["attempt"] == b["attempt"])


def _rows_of(lines: bytes) -> Rows:
    found = filter(None, map(parsed_row, lines.splitlines()))
    return [{sys.intern(k): v for k, v in row.items() if not isinstance(v, (list, dict))} for row in found]
