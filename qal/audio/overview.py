"""What is drawn of a sound of any length: its outline and its log-mel, in a bounded number of columns.

values     ▁▂▅█▅▂▁▂▃▂▁▁▂▅▇▅▂▁▁▁
columns     ▂  █  ▂  ▃  ▁  ▅  ▇  ▁      each the merger of `stride` values; when they become too many,
            █     ▃     ▅     ▇         neighbours are merged and the stride doubles"""

import numpy as np
from numpy.typing import NDArray

from qal.audio.log_mel import mel_filters
from qal.audio.samples import HOP, Samples

N_FFT = 400  # samples; Whisper's window of 25 ms
QUIETEST = 1e-10  # of a mel bin's power, before its logarithm
BLOCK_FRAMES = 3000  # transformed at once

Values = NDArray[np.float32]


class Columns:
    """(..., n) values in, at most `limit` columns out; how they came in changes nothing."""

    def __init__(self, limit: int, merge: np.ufunc, height: tuple[int, ...] = ()):
        self._limit, self._merge = limit, merge
        self._columns = np.zeros((*height, 0), np.float32)
        self._rest = np.zeros((*height, 0), np.float32)  # not yet a column
        self.stride = 1  # values a column

    def feed(self, values: Values) -> None:
        self._rest = np.concatenate([self._rest, values], axis=-1)
        whole = self._rest.shape[-1] // self.stride * self.stride
        self._columns = np.concatenate([self._columns, self._merged(self._rest[..., :whole], self.stride)], axis=-1)
        self._rest = self._rest[..., whole:]
        while self._columns.shape[-1] > self._limit:
            self._halve()

    def all(self) -> Values:
        """With what is not a whole column yet as the last one."""
        last = self._rest.shape[-1]
        return np.concatenate([self._columns, self._merged(self._rest, last)], axis=-1) if last else self._columns

    def _halve(self) -> None:
        even = self._columns.shape[-1] // 2 * 2
        odd = self._columns[..., even:].repeat(self.stride, axis=-1)  # stands for the values it was made of
        self._rest = np.concatenate([odd, self._rest], axis=-1)
        self._columns = self._merged(self._columns[..., :even], 2)
        self.stride *= 2

    def _merged(self, values: Values, stride: int) -> Values:
        return self._merge.reduce(values.reshape(*values.shape[:-1], -1, stride), axis=-1)


class MelStream:
    """Whisper's log-mel without its levelling, which needs the whole sound: a frame each HOP samples, centred there."""

    def __init__(self, n_mels: int = 80):
        self._filters = mel_filters(n_mels)
        self._window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
        self._pending = np.zeros(N_FFT // 2, np.float32)

    def feed(self, samples: Samples) -> Values:
        """(n,) -> (n_mels, frames that are complete)"""
        self._pending = np.concatenate([self._pending, samples])
        frames = max(0, (len(self._pending) - N_FFT) // HOP + 1)
        parts = [self._frames(i, min(frames, i + BLOCK_FRAMES)) for i in range(0, frames, BLOCK_FRAMES)]
        self._pending = self._pending[frames * HOP :]
        return np.concatenate([np.zeros((len(self._filters), 0), np.float32), *parts], axis=1)

    def flush(self) -> Values:
        """The frames whose windows reach over the end."""
        return self.feed(np.zeros(N_FFT // 2, np.float32))

    def _frames(self, first: int, last: int) -> Values:
        windows = np.lib.stride_tricks.sliding_window_view(self._pending, N_FFT)[
            first * HOP : (last - 1) * HOP + 1 : HOP
        ]
        power = np.abs(np.fft.rfft(windows * self._window)) ** 2
        return np.log10(np.maximum(self._filters @ power.T, QUIETEST)).astype(np.float32)


class Overview:
    """Feed it what the model hears; then read `low` and `high` (the outline) and `mel`, with their strides."""

    def __init__(self, max_outline: int, max_frames: int, n_mels: int = 80):
        self._stream = MelStream(n_mels)
        self._low, self._high = Columns(max_outline, np.minimum), Columns(max_outline, np.maximum)
        self._mel = Columns(max_frames, np.maximum, (n_mels,))

    def feed(self, samples: Samples) -> None:
        self._low.feed(samples)
        self._high.feed(samples)
        self._mel.feed(self._stream.feed(samples))

    def flush(self) -> None:
        self._mel.feed(self._stream.flush())

    @property
    def outline(self) -> Values:
        """(2, columns): the lowest and the highest sample of each column"""
        return np.stack([self._low.all(), self._high.all()])

    @property
    def outline_samples(self) -> int:
        """Samples a column of the outline."""
        return self._low.stride

    @property
    def mel(self) -> Values:
        """(n_mels, columns), as log10 of the power"""
        return self._mel.all()

    @property
    def mel_samples(self) -> int:
        """Samples a column of `mel`."""
        return self._mel.stride * HOP
