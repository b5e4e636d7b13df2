"""Converts FFmpeg's audio frames to one rate, also where their rate, channels or sample format change on the way."""

from collections.abc import Iterator

import av
import numpy as np
from numpy.typing import NDArray

from qal.audio.planes import channels_of
from qal.audio.samples import SAMPLE_RATE

Channels = NDArray[np.float32]  # (channels, n)


class Resampler:
    """Converts frames to float32 of one rate. Feed all frames, then call `flush`.

    Args:
        rate_hz: of the result.
        layout: its channels; None: those of each frame. FFmpeg's own mix to mono is 3 dB too loud."""

    def __init__(self, rate_hz: int = SAMPLE_RATE, layout: av.AudioLayout | None = None):
        self._rate_hz, self._layout = rate_hz, layout
        self._resampler: av.AudioResampler | None = None
        self._form: tuple[str, str, int] | None = None

    def feed(self, frame: av.AudioFrame) -> Iterator[av.AudioFrame]:
        """Yields frames of the format flt for a frame; they have the same channels unless a layout was given."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if form != self._form:  # FFmpeg's resampler refuses the new form, or does not notice it
            yield from self.flush()
            self._resampler = av.AudioResampler(format="flt", layout=self._layout, rate=self._rate_hz)
            self._form = form
        if self._resampler is not None:
            yield from self._resampler.resample(frame)

    def flush(self) -> Iterator[av.AudioFrame]:
        """Yields the frames that the filter of the resampler still holds."""
        if self._resampler is not None:
            yield from self._resampler.resample(None)
        self._resampler = self._form = None


def with_channels(channels: Channels, count: int) -> Channels:
    """Returns (channels, n) as (count, n): one channel is repeated, others are cut off or silent."""
    if len(channels) == count:
        return channels
    if len(channels) == 1:
        return np.repeat(channels, count, axis=0)
    missing = np.zeros((max(0, count - len(channels)), channels.shape[1]), np.float32)
    return np.concatenate([channels[:count], missing])


def channels_of_all(frames: Iterator[av.AudioFrame], count: int) -> Channels:
    """Returns the samples of frames of the format flt, (count, n)."""
    found = [with_channels(channels_of(frame), count) for frame in frames]
    return np.concatenate([np.zeros((count, 0), np.float32), *found], axis=1)
