"""Finds the example that a name in a file of transcripts means.

Such files name an example by its path, with or without folders and the ending, or name the recording from which it was
cut, with the times of each piece of text."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.manifest import Row

PART = re.compile(r"(?P<recording>.+), (?P<start>\d+(?:\.\d+)?)-(?P<end>\d+(?:\.\d+)? s|end)(?:, channel \d+)?")


def without_suffix(name: str) -> str:
    """Returns a name without the ending of an audio file, in one Unicode form, with forward slashes."""
    name = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").removeprefix("./")
    suffix = PurePosixPath(name).suffix
    return name[: -len(suffix)] if suffix.lower() in AUDIO_SUFFIXES else name


class Part(NamedTuple):
    """The part of a recording from which an example was cut, in seconds."""

    start_s: float
    end_s: float
    audio: str  # path of the example


class Recording:
    """The examples that were cut out of a recording; they may overlap."""

    def __init__(self, parts: Iterable[Part]):
        self._parts = sorted(parts)
        self._longest_s = max(part.end_s - part.start_s for part in self._parts)

    @property
    def audios(self) -> list[str]:
        """The paths of the examples, in the order of time."""
        return [part.audio for part in self._parts]

    def audios_at(self, time_s: float) -> list[str]:
        """Returns the paths of the examples that contain a time of the recording."""
        first = bisect_left(self._parts, time_s - self._longest_s, key=start_of)
        last = bisect_right(self._parts, time_s, key=start_of)
        return [part.audio for part in self._parts[first:last] if time_s < part.end_s]


def start_of(part: Part) -> float:
    return part.start_s


class RowNames:
    """The names of the examples of a dataset."""

    def __init__(self, rows: Iterable[Row]):
        rows = list(rows)
        self._by_path = {without_suffix(row.audio): row.audio for row in rows}
        self._by_stem = unambiguous((last_part(path), audio) for path, audio in self._by_path.items())
        self._by_digest = {row.sha256: row.audio for row in rows}
        parts: dict[str, list[Part]] = {}
        for row in rows:
            if part := recording_part(row):
                parts.setdefault(without_suffix(part[0]), []).append(Part(part[1], part[2], row.audio))
        self._recordings = {name: Recording(found) for name, found in parts.items()}
        self._by_last_part = unambiguous((last_part(name), name) for name in parts)

    def find(self, name: str) -> str | None:
        """Returns the audio path of the example that a name means; None if there is none, or more than one."""
        path = without_suffix(name)
        if path in self._by_path:
            return self._by_path[path]
        return self._by_stem.get(last_part(path)) or self._by_digest.get(name)

    def recording(self, name: str) -> "Recording | None":
        """Returns the recording that a name means; None if there is none, or more than one."""
        path = without_suffix(name)
        return self._recordings.get(path) or self._recordings.get(self._by_last_part.get(last_part(path)) or "")


def last_part(path: str) -> str:
    return path.rpartition("/")[2]


def unambiguous(pairs: Iterable[tuple[str, str]]) -> dict[str, str | None]:
    """Returns the value of each key; None where there are several."""
    found: dict[str, str | None] = {}
    for key, value in pairs:
        found[key] = value if found.get(key, value) == value else None
    return found


def recording_part(row: Row) -> tuple[str, float, float] | None:
    """Returns the recording from which an example was cut, and its start and end in seconds; None if it is whole."""
    found = PART.fullmatch(row.source)
    if not found:
        return None
    start_s = float(found["start"])
    end_s = start_s + row.duration_s if found["end"] == "end" else float(found["end"].removesuffix(" s"))
    return found["recording"], start_s, end_s
