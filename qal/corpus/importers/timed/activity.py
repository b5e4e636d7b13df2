"""Where there is speech in a recording: the probabilities of the VAD and the level, read in one pass and little memory.

Ten hours take 40 MB."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.blocks import read_blocks
from qal.audio.decode import MAX_DURATION_S
from qal.audio.samples import FRAMES_PER_SECOND, HOP, SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, VadStream

START_PROBABILITY, END_PROBABILITY = 0.5, 0.3  # of the VAD, with hysteresis
MIN_PAUSE_FRAMES = 12  # shorter silence is part of a word, such as that before a plosive
MIN_RUN_FRAMES = 6
FLOOR_WINDOW_S = 15.0  # around a frame, from which the level of silence is taken
FLOOR_PERCENTILE = 10
SPEECH_ABOVE_FLOOR_DB = 9.0
MAX_BELOW_SPEECH_DB = 38.0  # what is quieter than the loud frames by more is silence, whatever the floor
MAX_EXTENSION_FRAMES = 20  # quiet consonants before and after the voice, which the VAD misses
SMALLEST_POWER = 1e-9  # -90 dB
CACHED_RECORDINGS = 4  # a preview and the import that follows it read the same


@dataclass(frozen=True)
class SpeechRun:
    """Speech without a pause: frames [start, end) of 10 ms."""

    start: int
    end: int


@dataclass(frozen=True)
class SpeechActivity:
    """The speech of a recording, a value a frame of 10 ms."""

    probability: NDArray[np.float32]  # (frames,) of the VAD
    level_db: NDArray[np.float32]  # (frames,)
    duration_s: float

    @property
    def is_speech(self) -> NDArray[np.bool_]:
        """(frames,) True within the runs."""
        speech = np.zeros(len(self.probability), bool)
        for run in self.runs():
            speech[run.start : run.end] = True
        return speech

    def runs(self) -> list[SpeechRun]:
        """Returns the runs of speech in order; their borders are those of the level, near those of the VAD."""
        return list(_runs(self))


def read_activity(path: Path) -> SpeechActivity:
    """Reads a recording once; the result is kept for the next call while the file stays the same.

    Raises AudioDecodeError if the file cannot be decoded."""
    status = path.stat() if path.is_file() else None
    return _cached(path, status.st_mtime_ns if status else 0, status.st_size if status else 0)


@lru_cache(maxsize=CACHED_RECORDINGS)
def _cached(path: Path, _modified_ns: int, _size: int) -> SpeechActivity:
    return measure_activity(block.samples for block in read_blocks(path, MAX_DURATION_S))


def measure_activity(pieces: Iterator[Samples]) -> SpeechActivity:
    """Measures the speech of a recording that is given in pieces, (n,) at 16 kHz."""
    vad, probabilities, powers, n = VadStream(), [], [], 0
    rest = np.zeros(0, np.float32)
    for samples in pieces:
        n += len(samples)
        probabilities.append(vad.feed(samples))
        pending = np.concatenate([rest, samples])
        count = len(pending) // HOP
        powers.append(np.square(pending[: count * HOP].reshape(count, HOP)).mean(axis=1))
        rest = pending[count * HOP :]
    power = np.concatenate([np.zeros(0, np.float32), *powers])
    windows = np.concatenate([np.zeros(0, np.float32), *probabilities, np.zeros(1, np.float32)])
    frames = np.minimum(np.arange(len(power)) * HOP // VAD_WINDOW, len(windows) - 1)
    level_db = 10 * np.log10(power + SMALLEST_POWER)
    return SpeechActivity(windows[frames], level_db.astype(np.float32), n / SAMPLE_RATE)


def _runs(activity: SpeechActivity) -> Iterator[SpeechRun]:
    loud = activity.level_db > _threshold_db(activity.level_db)
    limit = len(loud)
    pending: SpeechRun | None = None
    for start, end in _voiced(activity.probability):
        while start < end - 1 and not loud[start]:  # the VAD opens before the sound and closes after it
            start += 1
        while end > start + 1 and not loud[end - 1]:
            end -= 1
        start -= _extension(loud[max(0, start - MAX_EXTENSION_FRAMES) : start][::-1])
        end += _extension(loud[end : min(limit, end + MAX_EXTENSION_FRAMES)])
        if pending and start - pending.end < MIN_PAUSE_FRAMES:
            pending = SpeechRun(pending.start, max(end, pending.end))
            continue
        if pending and pending.end - pending.start >= MIN_RUN_FRAMES:
            yield pending
        pending = SpeechRun(start, end)
    if pending and pending.end - pending.start >= MIN_RUN_FRAMES:
        yield pending


def _extension(loud: NDArray[np.bool_]) -> int:
    """Returns the number of loud frames before the first two that are quiet."""
    quiet = ~loud
    ends = np.flatnonzero(quiet[:-1] & quiet[1:])
    return int(ends[0]) if len(ends) else (len(loud) if loud.all() else int(np.flatnonzero(loud)[-1]) + 1)


def _voiced(probability: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Yields [start, end) of the frames in which the VAD finds speech, with hysteresis."""
    above = probability >= END_PROBABILITY
    edges = np.flatnonzero(np.diff(above, prepend=False, append=False))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if probability[start:end].max() >= START_PROBABILITY:
            yield int(start), int(end)


def _threshold_db(level_db: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns for each frame the level above which it is sound: some decibels above the silence around it."""
    if not len(level_db):
        return level_db
    step = int(FLOOR_WINDOW_S * FRAMES_PER_SECOND / 2)
    centres = np.arange(0, len(level_db), step)
    pieces = [level_db[max(0, centre - step) : centre + step] for centre in centres]
    floor = np.array([np.percentile(piece, FLOOR_PERCENTILE) for piece in pieces])
    peak = np.array([np.percentile(piece, 95) for piece in pieces])
    lowest = np.maximum(floor + SPEECH_ABOVE_FLOOR_DB, peak - MAX_BELOW_SPEECH_DB)
    lowest = np.minimum(lowest, peak - 6)  # speech without any silence around it
    return np.interp(np.arange(len(level_db)), centres, lowest).astype(np.float32)
