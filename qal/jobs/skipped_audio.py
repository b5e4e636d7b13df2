"""Audio that cannot be used: it is left out, listed in runs/<id>/skipped.jsonl, and counted."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qal.audio.decode import decode
from qal.audio.samples import HOP, WINDOW_S, WINDOW_SAMPLES, Samples, seconds
from qal.errors import AudioDecodeError, TrainingError

LEAST_SHARE = 0.5  # of the duration in the manifest; less is a file that was cut short
NAMED = 3  # rows that the error shows


class BadRow(NamedTuple):
    audio: str
    reason: str


def heard(path: Path, duration_s: float | None = None) -> Samples:
    """A row's sound. Raises AudioDecodeError: missing, unreadable, empty, not finite, over 30 s, or cut short."""
    try:
        samples = decode(path)
    except OSError as error:
        raise AudioDecodeError(f"{path.name}: cannot be read ({error.strerror}); check the disk") from error
    if len(samples) < HOP:
        raise AudioDecodeError(f"{path.name}: holds no audio samples; record it again or delete its row")
    if not np.isfinite(samples).all():
        raise AudioDecodeError(f"{path.name}: holds samples that are not numbers; export it again")
    if len(samples) > WINDOW_SAMPLES:
        raise AudioDecodeError(f"{path.name}: lasts longer than {WINDOW_S} s, whatever its row says; cut it")
    if duration_s and seconds(samples) < LEAST_SHARE * duration_s:
        raise AudioDecodeError(
            f"{path.name}: lasts {seconds(samples):.1f} s where its row says {duration_s:.1f} s; copy it again"
        )
    return samples


def heard_or_bad(path: Path, duration_s: float | None = None) -> Samples | BadRow:
    try:
        return heard(path, duration_s)
    except AudioDecodeError as error:
        return BadRow(str(path), str(error))


class SkippedRows:
    """The list of one run, each row once, kept on disk over all attempts; the bound is of this attempt's."""

    def __init__(self, file: Path, rows: int, share: float, writes: bool = True):
        self.file, self.rows, self.share, self.writes = file, rows, share, writes
        self._known = set(read_skipped(file))
        self._found: set[str] = set()  # by this attempt: what it no longer finds has been mended

    def __len__(self) -> int:
        return len(self._known)

    def add(self, found: Iterable[BadRow]) -> list[BadRow]:
        """Lists those that are new and returns them. Raises TrainingError when the share of all rows is passed."""
        found = list(found)
        self._found |= {row.audio for row in found}
        new = [row for row in dict.fromkeys(found) if row.audio not in self._known]
        self._known |= {row.audio for row in new}
        if new and self.writes:
            with self.file.open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row._asdict(), ensure_ascii=False) + "\n" for row in new)
        if found and self.share < 1 and len(self._found) > self.share * self.rows:
            reasons = "; ".join(row.reason for row in found[:NAMED])
            raise TrainingError(
                f"{len(self._found)} of {self.rows} rows have audio that cannot be used, more than "
                f"faults.bad_rows_share ({100 * self.share:g} %) allows: {reasons}; mend the corpus, "
                f"see {self.file.name} in the run's folder"
            )
        return new


def read_skipped(file: Path) -> list[str]:
    """The audio paths listed so far; a torn last line is ignored."""
    found = []
    for line in file.read_bytes().splitlines() if file.exists() else []:
        try:
            found.append(json.loads(line)["audio"])
        except (ValueError, KeyError, TypeError):
            continue
    return found
