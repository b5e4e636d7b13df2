"""The audio of a session, saved only on the speaker's request: live/<id>/sound.pcm, 16-bit PCM at 16 kHz.

Sample n of the stream is at byte 2n; the file only grows, so that resent samples are written once. sound.txt lists the
saved ranges, one per line: the first sample and the one after the last. A range that is still being saved has no end;
it ends with the file. Between the ranges the file contains zeros."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qal.audio.samples import PCM_BYTES, SAMPLE_RATE, Samples, from_pcm16, to_pcm16
from qal.captions.record import PRIVATE_FILE, write_private
from qal.errors import QalError
from qal.storage import require_space, storage_errors

AUDIO_FILE, RANGES_FILE = "sound.pcm", "sound.txt"
AUDIO_NAME = "the audio of this session"  # in error messages
MAX_SAVED_S = 4 * 3600  # of one session; later speech is captioned, but not saved
MAX_SAVED_SAMPLES = MAX_SAVED_S * SAMPLE_RATE
LOG = logging.getLogger("qal")


class AudioNotSavedError(QalError):
    """The requested audio was not saved."""


@dataclass(frozen=True)
class SampleRange:
    """The samples [start, end) of a stream."""

    start: int
    end: int


class SavedAudio:
    """Writes and reads the saved audio of one session.

    Between `start` and `stop`, `write` is called with all samples of the stream in order."""

    def __init__(self, folder: Path):
        self._audio, self._ranges = folder / AUDIO_FILE, folder / RANGES_FILE

    def start(self, first_sample: int) -> None:
        """Begins a range. Raises StorageError unless the longest recording fits on the disk."""
        end = self._end()
        if self._is_saving() and first_sample <= end:
            return  # a restarted server continues the range
        require_space(self._audio.parent, PCM_BYTES * MAX_SAVED_SAMPLES, "saving the audio")
        self.stop()
        first_sample = max(first_sample, end)
        if first_sample < MAX_SAVED_SAMPLES:
            with self._storage():
                self._audio.touch(PRIVATE_FILE)
            with self._storage(), self._audio.open("ab") as file:
                file.truncate(PCM_BYTES * first_sample)  # the gap is sparse
            self._write_ranges([*self._read_ranges(), [first_sample]])

    def stop(self) -> None:
        """Ends the open range, if there is one; an empty range is removed."""
        if self._is_saving():
            *ended, (start,) = self._read_ranges()
            end = self._end()
            self._write_ranges([*ended, [start, end]] if end > start else ended)

    def write(self, first_sample: int, samples: Samples) -> None:
        """Appends the samples that are not yet in the file. Raises StorageError."""
        samples = samples[: max(0, MAX_SAVED_SAMPLES - first_sample)]
        if first_sample > self._end():
            self.start(first_sample)  # an earlier write failed
        end = self._end()
        new = samples[max(0, end - first_sample) :]
        if len(new):
            with self._storage(), self._audio.open("r+b") as file:
                file.seek(PCM_BYTES * end)
                file.write(to_pcm16(new).tobytes())

    def saved_ranges(self) -> list[SampleRange]:
        """Returns the saved ranges in order of time."""
        file_end = self._end()
        return [SampleRange(start, min([*end, file_end])) for start, *end in self._read_ranges()]

    def read(self, required: SampleRange, context: SampleRange) -> Samples:
        """Reads `required` with as much of the surrounding `context` as the same saved range contains.

        Raises AudioNotSavedError unless one saved range contains all of `required`."""
        for saved in self.saved_ranges():
            if saved.start <= required.start and required.end <= saved.end:
                start, end = max(saved.start, context.start), min(saved.end, context.end)
                with self._storage(), self._audio.open("rb") as file:
                    file.seek(PCM_BYTES * start)
                    return from_pcm16(np.frombuffer(file.read(PCM_BYTES * (end - start)), "<i2"))
        raise AudioNotSavedError("the audio of this line was not saved; check Save audio before you speak")

    def _is_saving(self) -> bool:
        return any(len(numbers) == 1 for numbers in self._read_ranges()[-1:])

    def _read_ranges(self) -> list[list[int]]:
        """Returns [[start, end], ..., [start]]; a last range without an end is still being saved.

        A damaged file counts as none, because it does not say which samples are speech and which a gap."""
        if not self._ranges.is_file():
            return []
        try:
            lines = self._ranges.read_text("ascii").splitlines()
            ranges = [[int(number) for number in line.split()] for line in lines]
        except ValueError:
            ranges = [[]]
        numbers = [number for numbers in ranges for number in numbers]
        is_whole = all(len(r) == 2 for r in ranges[:-1]) and all(len(r) in (1, 2) for r in ranges[-1:])
        if not is_whole or numbers != sorted(numbers) or min(numbers, default=0) < 0:
            LOG.warning("%s is damaged; the saved audio that it lists is not used", self._ranges)
            return []
        return ranges

    def _write_ranges(self, ranges: list[list[int]]) -> None:
        lines = [f"{' '.join(map(str, numbers))}\n" for numbers in ranges]
        write_private(self._ranges, "".join(lines), AUDIO_NAME)

    def _end(self) -> int:
        """Returns the number of samples in the file; half a sample at its end is ignored."""
        return self._audio.stat().st_size // PCM_BYTES if self._audio.is_file() else 0

    def _storage(self) -> AbstractContextManager[None]:
        return storage_errors(AUDIO_NAME)
