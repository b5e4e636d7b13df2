"""Sections: a stream is cut into parts of about a minute that are transcribed independently of each other.

speech    ▄▄ ▄▄▄  ▄▄▄▄▄▄▄▄  ▄▄▄▄   ▄▄▄▄▄▄▄▄ ▄▄▄▄                   ▄▄▄▄▄
section   [---------- at least SECTION_S ---][-- silence --------][----

A section ends at the first pause after SECTION_S; without a pause, where the gate cuts speech after twice that time.
The voice activity detection starts anew in each section. So the text of a section depends on its own samples alone,
not on the size of the blocks in which they come, on what was before, or on where a transcription was resumed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from qal.audio.gate import Gate, GateOptions, Region, ms_to_windows
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, VadStream
from qal.engine.longform.sample_buffer import SampleBuffer

SECTION_S = 60.0
SECTION_WINDOWS = round(SECTION_S * SAMPLE_RATE / VAD_WINDOW)
LONG_SILENCE_WINDOWS = round(3 * SAMPLE_RATE / VAD_WINDOW)
VAD_STEP = 64 * VAD_WINDOW  # samples of a call of the network; more at once are not faster

Grouping = Callable[[Sequence[Region]], list[list[Region]]]


@dataclass(frozen=True, eq=False)
class Section:
    """Samples [start, end) of a file, and the regions of speech in them, whose windows count from `start`."""

    start: int
    end: int
    samples: Samples  # (end - start,)
    regions: tuple[Region, ...]

    @property
    def end_s(self) -> float:
        return self.end / SAMPLE_RATE

    def cut(self, start: int, end: int) -> Samples:
        """Returns the samples [start, end) of the file."""
        return self.samples[start - self.start : end - self.start]


class SectionStream:
    """Cuts a stream into sections. The sections hold each sample once."""

    def __init__(self, gate: GateOptions, start: int = 0, group: Grouping | None = None):
        """Takes the options.

        Args:
            gate: options of the gate.
            start: position of the first sample in the file.
            group: groups regions to stretches; a section then ends with a stretch that is full."""
        self._options, self._group = gate, group
        self._pre_roll = ms_to_windows(gate.pre_roll_ms)
        self._buffer = SampleBuffer(start)
        self._begin(start)

    def _begin(self, start: int) -> None:
        self._start = self._fed = start  # samples before _fed have been fed to the network
        self._vad, self._gate = VadStream(), Gate(self._options)
        self._windows = 0  # fed to the gate
        self._regions: list[Region] = []

    def feed(self, block: Samples) -> list[Section]:
        """Returns the sections that end in a block, (n,) at 16 kHz. Samples that are not finite count as zero."""
        is_finite = bool(np.isfinite(block).all())
        self._buffer.append(block if is_finite else np.nan_to_num(block, nan=0, posinf=0, neginf=0))
        sections = []
        while self._buffer.end - self._fed >= VAD_STEP:
            sections += self._listen(VAD_STEP)
        return sections

    def flush(self) -> list[Section]:
        """Ends the stream and returns its last sections. Nothing may be fed after it."""
        sections = []
        while rest := self._buffer.end - self._fed:
            sections += self._listen(min(VAD_STEP, rest))
        self._regions += self._gate.flush()
        return [*sections, *self._close(self._buffer.end)]

    def _listen(self, count: int) -> list[Section]:
        """Feeds the next samples to the network and the gate; returns the section that ends in them."""
        samples = self._buffer.cut(self._fed, self._fed + count)
        self._fed += count
        for probability in self._vad.feed(samples):
            ended = self._gate.feed([float(probability)])
            self._regions += ended
            self._windows += 1
            if self._windows >= SECTION_WINDOWS and (end := self._end_window(ended)):
                return self._close(self._start + end * VAD_WINDOW)
        return []

    def _end_window(self, ended: Sequence[Region]) -> int | None:
        """Returns the window before which the section ends now; None: not now."""
        if self._group and self._windows < 2 * SECTION_WINDOWS:
            return self._end_of_stretch(self._group, ended)
        if not self._gate.open_region:
            return max(self._last_end(), self._windows - self._pre_roll)
        return ended[-1].end if ended and self._windows >= 2 * SECTION_WINDOWS else None

    def _end_of_stretch(self, group: Grouping, ended: Sequence[Region]) -> int | None:
        """Returns the end of the last stretch if the region that ended begins another one, or in a long silence."""
        if ended and len(self._regions) > 1 and len(group(self._regions)[-1]) == 1:
            del self._regions[-1]  # it belongs to the next section
            return self._last_end()
        is_silent = not self._gate.open_region and self._windows - self._last_end() >= LONG_SILENCE_WINDOWS
        return self._windows - self._pre_roll if is_silent else None

    def _last_end(self) -> int:
        return self._regions[-1].end if self._regions else 0

    def _close(self, end: int) -> list[Section]:
        """Ends the section before a sample of the file, from which the network starts anew."""
        if end == self._start:
            return []
        section = Section(self._start, end, self._buffer.cut(self._start, end), tuple(self._regions))
        self._buffer.drop_before(end)
        self._begin(end)
        return [section]


def stream_sections(
    blocks: Iterable[Samples], gate: GateOptions, start: int = 0, group: Grouping | None = None
) -> Iterator[Section]:
    """Yields the sections of a stream of blocks; the other arguments are those of SectionStream."""
    stream = SectionStream(gate, start, group)
    for block in blocks:
        yield from stream.feed(block)
    yield from stream.flush()
