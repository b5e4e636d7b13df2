"""The sound of a session whose speaker asked to keep it: live/<id>/sound.pcm, 16-bit at 16 kHz.

Sample n of the stream lies at byte 2n; the file only grows, so what comes twice is kept once. Beside it lies
sound.txt: the stretches that were kept, a line each, from the first sample to the one after the last. A stretch
that goes on has no end yet: the file's end is its own. Between the stretches the file holds zeros."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.errors import QalError
from qal.storage import require_space, storage_errors

SOUND, STRETCHES = "sound.pcm", "sound.txt"
MAX_KEPT_S = 4 * 3600  # of one session; what is said later is captioned, but not kept
MAX_KEPT_SAMPLES = MAX_KEPT_S * SAMPLE_RATE


class SoundNotKeptError(QalError):
    """Sound was asked for that nobody kept."""


@dataclass(frozen=True)
class Stretch:
    """The samples [start, end) of a stream."""

    start: int
    end: int


class KeptSound:
    """`keep` and `stop` say from where on; between them `write` is given all of the stream, in order."""

    def __init__(self, folder: Path):
        self._sound, self._stretches = folder / SOUND, folder / STRETCHES

    def keep(self, at: int) -> None:
        """From the stream's sample `at` on. Raises StorageError where the longest recording has no room."""
        end = self._end()
        if self._goes_on() and at <= end:
            return  # a restarted server
        require_space(self._sound.parent, PCM_BYTES * MAX_KEPT_SAMPLES, "keeping the sound")
        self.stop()
        at = max(at, end)
        if at < MAX_KEPT_SAMPLES:
            with self._storage(), self._sound.open("ab") as file:
                file.truncate(PCM_BYTES * at)  # a gap takes no room on the disk
            self._note([*self._lines(), [at]])

    def stop(self) -> None:
        """What comes next is not kept."""
        if self._goes_on():
            *before, (start,) = self._lines()
            end = self._end()
            self._note([*before, [start, end]] if end > start else before)

    def write(self, first: int, samples: Samples) -> None:
        """What is not there yet of the samples from `first` on. Raises StorageError."""
        samples = samples[: max(0, MAX_KEPT_SAMPLES - first)]
        if first > self._end():
            self.keep(first)  # an earlier packet was lost to a full disk
        end = self._end()
        new = samples[max(0, end - first) :]
        if len(new):
            with self._storage(), self._sound.open("r+b") as file:
                file.seek(PCM_BYTES * end)
                file.write(to_pcm16(new).tobytes())

    def stretches(self) -> list[Stretch]:
        """What was kept, in the order of time."""
        end = self._end()
        return [Stretch(start, min([*stop, end])) for start, *stop in self._lines()]

    def read(self, wanted: Stretch, around: Stretch) -> Samples:
        """`wanted`, and as much `around` it as was kept together with it. Raises SoundNotKeptError."""
        for kept in self.stretches():
            if kept.start <= wanted.start and wanted.end <= kept.end:
                start, end = max(kept.start, around.start), min(kept.end, around.end)
                with self._storage(), self._sound.open("rb") as file:
                    file.seek(PCM_BYTES * start)
                    return from_pcm16(np.frombuffer(file.read(PCM_BYTES * (end - start)), "<i2"))
        raise SoundNotKeptError("the sound of this line was not kept; tick the box that keeps it, then speak")

    def _goes_on(self) -> bool:
        return any(len(line) == 1 for line in self._lines()[-1:])

    def _lines(self) -> list[list[int]]:
        """[[start, end], ..., [start]]"""
        if not self._stretches.is_file():
            return []
        return [[int(number) for number in line.split()] for line in self._stretches.read_text("ascii").splitlines()]

    def _note(self, lines: list[list[int]]) -> None:
        beside = self._stretches.with_suffix(".new")
        with self._storage():
            beside.write_text("".join(f"{' '.join(map(str, line))}\n" for line in lines), "ascii")
            beside.replace(self._stretches)

    def _end(self) -> int:
        """The sample after the last one in the file."""
        return self._sound.stat().st_size // PCM_BYTES if self._sound.is_file() else 0

    def _storage(self) -> AbstractContextManager[None]:
        return storage_errors("the sound of this session")
