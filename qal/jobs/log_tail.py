"""The end of log.txt as records: the log's own lines, bars and tracebacks. No torch here.

Only the last bytes are read, so that a log of any size costs the same."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TAIL_BYTES = 512 * 1024
MAX_RECORD = 20_000  # letters shown of one record: a line may be as long as the file
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR|CRITICAL) [^\s:]+: ")
TERMINAL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
TRACEBACK = "Traceback (most recent call last):"
CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
RANKS = {"DEBUG": 0, "INFO": 1, "WARNING": 2, "ERROR": 3, "CRITICAL": 3}


@dataclass(frozen=True)
class Record:
    """What was told at once."""

    text: str  # may have several lines: a traceback stays with what it explains
    rank: int | None  # 0 debug, 1 info, 2 warning, 3 error; None: what a program wrote past the log, such as a bar


def tail(path: Path, limit: int = TAIL_BYTES) -> tuple[str, bool]:
    """The last bytes as text, and whether there is more before them; a first line that was cut is left out."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            end = file.read(limit)
    except OSError:
        return "", False
    cut = size > limit
    if cut:
        head, newline, rest = end.partition(b"\n")
        end = rest if newline else head  # one line longer than all that is read: its end will do
    return end.decode("utf-8", "replace"), cut


def records(text: str) -> list[Record]:
    """Oldest first."""
    found: list[Record] = []
    lines = list(_lines(text))
    at = 0
    while at < len(lines):
        line, header = lines[at], RECORD.match(lines[at])
        end = at + 1
        if line.startswith(TRACEBACK):
            end = _traceback_end(lines, at)
        block = "\n".join(lines[at:end])[-MAX_RECORD:]
        if end > at + 1 and found and (found[-1].rank or 0) >= RANKS["WARNING"]:
            found[-1] = Record(f"{found[-1].text}\n{block}", RANKS["ERROR"])
        else:
            rank = RANKS[header[1]] if header else RANKS["ERROR"] if line.startswith(TRACEBACK) else None
            found.append(Record(block, rank))
        at = end
    return found


def matching(all_records: Iterable[Record], least: int | None, words: str) -> list[Record]:
    """Those that are at least so grave and hold the words; least None: bars and the like, too."""
    wanted = words.casefold().strip()
    grave = (r for r in all_records if least is None or (r.rank is not None and r.rank >= least))
    return [r for r in grave if wanted in r.text.casefold()]


def _lines(text: str) -> Iterator[str]:
    """Lines as a terminal would leave them: of a bar that was drawn over and over, the last state."""
    for raw in text.split("\n"):
        left = next((part for part in reversed(raw.split("\r")) if part.strip()), "")
        line = TERMINAL.sub("", left).rstrip()
        header = RECORD.search(line)
        if header and header.start():  # a record that was written behind a bar
            yield line[: header.start()].rstrip()
            line = line[header.start() :]
        if line:
            yield line


def _traceback_end(lines: list[str], at: int) -> int:
    """Index after the exception's own line; exceptions that led to one another belong together."""
    end = at + 1
    while end < len(lines) and lines[end].startswith((" ", "\t")):
        end += 1
    end = min(end + 1, len(lines))  # ValueError: ...
    if end + 1 < len(lines) and lines[end].startswith(CHAINED) and lines[end + 1].startswith(TRACEBACK):
        return _traceback_end(lines, end + 1)
    return end
