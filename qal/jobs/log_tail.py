"""The end of log.txt as records: log records, progress bars and tracebacks.

Only the last bytes are read, so the time does not depend on the size of the log."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

TAIL_BYTES = 512 * 1024
MAX_RECORD_CHARS = 20_000  # of one record; a line may be as long as the file
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) [^\s:]+: ")
CONTROL_CHARACTERS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
TRACEBACK = "Traceback (most recent call last):"
CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
SEVERITIES = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 3}


@dataclass(frozen=True)
class LogRecord:
    """A record of the log, with the traceback that follows it."""

    text: str  # one or more lines
    severity: int | None  # 0 debug, 1 info, 2 warning, 3 error; None: output without a level, such as a progress bar


class LogTail(NamedTuple):
    """The end of a log file."""

    text: str
    is_truncated: bool  # True if the file has more text before it


def read_tail(path: Path, limit: int = TAIL_BYTES) -> LogTail:
    """Reads the last `limit` bytes of a file without an incomplete first line; a missing file is empty."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            end = file.read(limit)
    except OSError:
        return LogTail("", False)
    is_truncated = size > limit
    if is_truncated:
        first_line, newline, rest = end.partition(b"\n")
        end = rest if newline else first_line  # a single line longer than the limit is cut
    return LogTail(end.decode("utf-8", "replace"), is_truncated)


def parse_records(text: str) -> list[LogRecord]:
    """Splits a log into records, the oldest first."""
    records: list[LogRecord] = []
    lines = list(_lines(text))
    start = 0
    while start < len(lines):
        is_traceback = lines[start].startswith(TRACEBACK)
        end = _traceback_end(lines, start) if is_traceback else start + 1
        block = "\n".join(lines[start:end])[-MAX_RECORD_CHARS:]
        if end > start + 1 and records and (records[-1].severity or 0) >= SEVERITIES["WARNING"]:
            records[-1] = LogRecord(f"{records[-1].text}\n{block}", SEVERITIES["ERROR"])
        else:
            records.append(LogRecord(block, SEVERITIES["ERROR"] if is_traceback else _severity(lines[start])))
        start = end
    return records


def filter_records(records: Iterable[LogRecord], min_severity: int | None, query: str) -> list[LogRecord]:
    """Selects records by severity and text.

    Args:
        records: the records.
        min_severity: the lowest severity; None: all records, also those without a level.
        query: text that a record must contain, in upper or lower case.
    """
    query = query.casefold().strip()
    severe = (r for r in records if min_severity is None or (r.severity is not None and r.severity >= min_severity))
    return [r for r in severe if query in r.text.casefold()]


def _severity(line: str) -> int | None:
    header = RECORD.match(line)
    return SEVERITIES[header[1]] if header else None


def _lines(text: str) -> Iterator[str]:
    """Yields the lines as a terminal shows them: of a progress bar, only the last state."""
    for raw in text.split("\n"):
        last_state = next((state for state in reversed(raw.split("\r")) if state.strip()), "")
        line = CONTROL_CHARACTERS.sub("", last_state).rstrip()
        header = RECORD.search(line)
        if header and header.start():  # a record on the same line as a progress bar
            yield line[: header.start()].rstrip()
            line = line[header.start() :]
        if line:
            yield line


def _traceback_end(lines: list[str], start: int) -> int:
    """Returns the index after the line of the exception; chained exceptions belong to one traceback."""
    end = start + 1
    while end < len(lines) and lines[end].startswith((" ", "\t")):
        end += 1
    end = min(end + 1, len(lines))  # ValueError: ...
    if end + 1 < len(lines) and lines[end].startswith(CHAINED) and lines[end + 1].startswith(TRACEBACK):
        return _traceback_end(lines, end + 1)
    return end
