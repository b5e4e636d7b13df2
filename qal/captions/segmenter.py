"""The segmenter: a stream of sound and its speech probabilities -> segments of speech."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, Probabilities


@dataclass(frozen=True)
class SpeechSegment:
    """One stretch of speech; sample numbers count from the beginning of the stream."""

    index: int  # rises with time; a number whose segment was a noise is left out
    start_sample: int  # of `samples`, which hold some silence around the speech
    samples: Samples
    speech_start_sample: int
    speech_end_sample: int
    speech_probability: float  # the highest that the VAD gave
    shared_after: int = 0  # samples at its end that the next one begins with

    @property
    def start_s(self) -> float:
        return self.speech_start_sample / SAMPLE_RATE

    @property
    def end_s(self) -> float:
        return self.speech_end_sample / SAMPLE_RATE


class Segmenter:
    """Keeps only the sound that a segment can still need, so memory does not grow."""

    def __init__(self, options: GateOptions):
        self._gate = Gate(options)
        self._min_speech = options.min_speech_ms * SAMPLE_RATE // 1000
        self._buffer = SampleBuffer()

    @property
    def is_open(self) -> bool:
        return self._gate.open is not None

    @property
    def needed_sample(self) -> int:
        """The first sample that a later segment can still hold."""
        return self._gate.needed_from * VAD_WINDOW

    def feed(self, samples: Samples, probabilities: Probabilities | Sequence[float]) -> list[SpeechSegment]:
        """The segments that ended. `probabilities` are those of the windows that `samples` completed."""
        self._buffer.append(samples)
        segments = [self._segment(region) for region in self._gate.feed(probabilities)]
        self._buffer.forget_before(self.needed_sample)
        return segments

    def flush(self) -> list[SpeechSegment]:
        """The segment that the end of the stream ended, with the samples of an incomplete last window."""
        return [self._segment(region, to_the_end=True) for region in self._gate.flush()]

    def open_speech_samples(self) -> tuple[int, int] | None:
        """(index, samples of speech so far) of the open segment, once there is enough not to be a noise."""
        region = self._gate.open
        heard = region.speech_windows * VAD_WINDOW if region else 0
        return (region.index, heard) if region and heard >= self._min_speech else None

    def open_segment(self) -> SpeechSegment | None:
        """What was heard so far of the segment that goes on."""
        return self._segment(self._gate.open, to_the_end=True) if self._gate.open else None

    def closing_segment(self) -> SpeechSegment | None:
        """The open segment as it will be if the silence lasts; None while somebody speaks."""
        return self._segment(self._gate.closing) if self._gate.closing else None

    def _segment(self, region: Region, to_the_end: bool = False) -> SpeechSegment:
        start = region.start * VAD_WINDOW
        end = self._buffer.end if to_the_end else region.end * VAD_WINDOW
        speech = region.speech_start * VAD_WINDOW, region.speech_end * VAD_WINDOW
        return SpeechSegment(region.index, start, self._buffer.read(start, end), *speech, region.peak)


class SampleBuffer:
    """The recent part of a stream, addressed by sample numbers of the whole stream."""

    def __init__(self):
        self._parts: deque[Samples] = deque()
        self._start = 0
        self.end = 0

    def append(self, samples: Samples) -> None:
        if len(samples):
            self._parts.append(samples.copy())  # the caller may use its array again
            self.end += len(samples)

    def forget_before(self, sample: int) -> None:
        """A little more may stay: parts are let go as a whole, or when half of one is old."""
        while self._parts and self._start + len(self._parts[0]) <= sample:
            self._start += len(self._parts.popleft())
        if self._parts and 2 * (sample - self._start) > len(self._parts[0]):
            self._parts[0] = self._parts[0][sample - self._start :].copy()
            self._start = sample

    def read(self, start: int, end: int) -> Samples:
        whole = np.concatenate(self._parts)
        self._parts = deque([whole])
        return whole[start - self._start : end - self._start].copy()
