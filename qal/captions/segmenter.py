"""The segmenter: a stream of samples and its speech probabilities -> segments of speech."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, VAD_WINDOW_MS, Probabilities


@dataclass(frozen=True)
class SpeechSegment:
    """A segment of speech; sample numbers count from the beginning of the stream."""

    index: int  # rises with time; the indices of segments that were too short are skipped
    start_sample: int  # of `samples`, which include some silence around the speech
    samples: Samples
    speech_start_sample: int
    speech_end_sample: int
    speech_probability: float  # the highest VAD probability in the segment
    overlap_samples: int = 0  # samples at its end that the next segment repeats

    @property
    def start_s(self) -> float:
        return self.speech_start_sample / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.speech_end_sample / SAMPLE_RATE


class OpenSpeech(NamedTuple):
    """The speech so far of the open segment."""

    segment_index: int
    speech_samples: int


class Segmenter:
    """Cuts a stream into segments at pauses. Keeps only the samples that a segment can still need."""

    def __init__(self, options: GateOptions):
        self._gate = Gate(options)
        self._buffer = SampleBuffer()

    @property
    def is_open(self) -> bool:
        return self._gate.open_region is not None

    @property
    def silence_ms(self) -> int:
        """The silence since the last speech of the open segment."""
        return self._gate.silence_windows * VAD_WINDOW_MS

    @property
    def needed_sample(self) -> int:
        """The first sample that a later segment can still include."""
        return self._gate.first_needed_window * VAD_WINDOW

    def feed(self, samples: Samples, probabilities: Probabilities | Sequence[float]) -> list[SpeechSegment]:
        """Returns the segments that ended.

        `probabilities` has one value for each VAD window that `samples` completed."""
        self._buffer.append(samples)
        segments = [self._segment(region) for region in self._gate.feed(probabilities)]
        self._buffer.discard_before(self.needed_sample)
        return segments

    def set_wait(self, milliseconds: float) -> list[SpeechSegment]:
        """Changes the silence that ends the open segment, until speech resumes; returns the segment that ends by it."""
        return [self._segment(region) for region in self._gate.set_wait(milliseconds)]

    def flush(self) -> list[SpeechSegment]:
        """Ends the stream; returns the open segment, with the samples of an incomplete last window."""
        return [self._segment(region, to_stream_end=True) for region in self._gate.flush()]

    def open_speech(self) -> OpenSpeech | None:
        """Returns the speech of the open segment; None until it is longer than the minimum duration."""
        region = self._gate.open_region
        if not region or region.speech_windows < self._gate.min_speech_windows:
            return None
        return OpenSpeech(region.index, region.speech_windows * VAD_WINDOW)

    def open_segment(self) -> SpeechSegment | None:
        """Returns the open segment with all samples so far."""
        return self._segment(self._gate.open_region, to_stream_end=True) if self._gate.open_region else None

    def closing_segment(self) -> SpeechSegment | None:
        """Returns the open segment as it will end if the present silence continues; None during speech."""
        return self._segment(self._gate.closing_region) if self._gate.closing_region else None

    def _segment(self, region: Region, to_stream_end: bool = False) -> SpeechSegment:
        start = region.start * VAD_WINDOW
        end = self._buffer.end if to_stream_end else region.end * VAD_WINDOW
        return SpeechSegment(
            index=region.index,
            start_sample=start,
            samples=self._buffer.read(start, end),
            speech_start_sample=region.speech_start * VAD_WINDOW,
            speech_end_sample=region.speech_end * VAD_WINDOW,
            speech_probability=region.peak_probability,
        )


class SampleBuffer:
    """The recent samples of a stream, addressed by sample numbers of the whole stream."""

    def __init__(self):
        self._blocks: deque[Samples] = deque()
        self._start = 0  # sample number of the first one that is still stored
        self.end = 0

    def append(self, samples: Samples) -> None:
        """Appends a copy of `samples`."""
        if len(samples):
            self._blocks.append(samples.copy())
            self.end += len(samples)

    def discard_before(self, sample: int) -> None:
        """Discards whole blocks before `sample`, and the old half of a block; a few old samples may remain."""
        while self._blocks and self._start + len(self._blocks[0]) <= sample:
            self._start += len(self._blocks.popleft())
        if self._blocks and 2 * (sample - self._start) > len(self._blocks[0]):
            self._blocks[0] = self._blocks[0][sample - self._start :].copy()
            self._start = sample

    def read(self, start: int, end: int) -> Samples:
        """Returns a copy of the samples [start, end)."""
        block = np.concatenate(self._blocks)
        self._blocks = deque([block])
        return block[start - self._start : end - self._start].copy()
