"""Waveform outline and log-mel of audio of any length, in a bounded number of columns.

values     ▁▂▅█▅▂▁▂▃▂▁▁▂▅▇▅▂▁▁▁
columns     ▂  █  ▂  ▃  ▁  ▅  ▇  ▁      each pools `stride` values; above the limit,
            █     ▃     ▅     ▇         neighbouring columns are pooled and the stride doubles"""

import numpy as np
from numpy.typing import NDArray

from qal.audio.log_mel import mel_filters
from qal.audio.samples import HOP, Samples

N_FFT = 400  # samples; Whisper's window of 25 ms
MIN_MEL_POWER = 1e-10  # floor of a mel bin's power before the logarithm
BLOCK_FRAMES = 3000  # transformed at once

Values = NDArray[np.float32]


class PooledColumns:
    """Pools a stream of values, (..., n), to at most `limit` columns. The result does not depend on the chunk size."""

    def __init__(self, limit: int, pool: np.ufunc, height: tuple[int, ...] = ()):
        """Starts without values.

        Args:
            limit: maximum number of columns.
            pool: np.minimum or np.maximum.
            height: shape of one value; () for scalars."""
        self._limit, self._pool = limit, pool
        self._columns = np.zeros((*height, 0), np.float32)
        self._pending = np.zeros((*height, 0), np.float32)  # values of the incomplete column
        self.stride = 1  # values per column

    def feed(self, values: Values) -> None:
        """Adds the next values."""
        self._pending = np.concatenate([self._pending, values], axis=-1)
        complete = self._pending.shape[-1] // self.stride * self.stride
        columns = self._pooled(self._pending[..., :complete], self.stride)
        self._columns = np.concatenate([self._columns, columns], axis=-1)
        self._pending = self._pending[..., complete:]
        while self._columns.shape[-1] > self._limit:
            self._halve()

    def columns(self) -> Values:
        """Returns all columns, (..., columns); the last one may pool fewer than `stride` values."""
        n_pending = self._pending.shape[-1]
        if not n_pending:
            return self._columns
        return np.concatenate([self._columns, self._pooled(self._pending, n_pending)], axis=-1)

    def _halve(self) -> None:
        even = self._columns.shape[-1] // 2 * 2
        odd_column = self._columns[..., even:].repeat(self.stride, axis=-1)  # stands for the values that it pooled
        self._pending = np.concatenate([odd_column, self._pending], axis=-1)
        self._columns = self._pooled(self._columns[..., :even], 2)
        self.stride *= 2

    def _pooled(self, values: Values, stride: int) -> Values:
        return self._pool.reduce(values.reshape(*values.shape[:-1], -1, stride), axis=-1)


class MelStream:
    """Whisper's log-mel as a stream, before Whisper's normalisation, which needs the full recording.

    There is one frame every HOP samples, centred on its time."""

    def __init__(self, n_mels: int = 80):
        self._filters = mel_filters(n_mels)
        self._window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
        self._pending = np.zeros(N_FFT // 2, np.float32)

    def feed(self, samples: Samples) -> Values:
        """Returns the frames that the samples complete: (n,) -> (n_mels, frames), log10 of the power."""
        self._pending = np.concatenate([self._pending, samples])
        frames = max(0, (len(self._pending) - N_FFT) // HOP + 1)
        blocks = [self._frames(i, min(frames, i + BLOCK_FRAMES)) for i in range(0, frames, BLOCK_FRAMES)]
        self._pending = self._pending[frames * HOP :]
        return np.concatenate([np.zeros((len(self._filters), 0), np.float32), *blocks], axis=1)

    def flush(self) -> Values:
        """Returns the frames whose windows reach beyond the end."""
        return self.feed(np.zeros(N_FFT // 2, np.float32))

    def _frames(self, first: int, last: int) -> Values:
        windows = np.lib.stride_tricks.sliding_window_view(self._pending, N_FFT)
        windows = windows[first * HOP : (last - 1) * HOP + 1 : HOP]
        power = np.abs(np.fft.rfft(windows * self._window)) ** 2
        return np.log10(np.maximum(self._filters @ power.T, MIN_MEL_POWER)).astype(np.float32)


class Overview:
    """Computes `outline` and `mel` of a stream of samples. Feed all samples, call `flush`, then read them."""

    def __init__(self, max_outline_columns: int, max_mel_columns: int, n_mels: int = 80):
        self._stream = MelStream(n_mels)
        self._low = PooledColumns(max_outline_columns, np.minimum)
        self._high = PooledColumns(max_outline_columns, np.maximum)
        self._mel = PooledColumns(max_mel_columns, np.maximum, (n_mels,))

    def feed(self, samples: Samples) -> None:
        """Adds the next samples."""
        self._low.feed(samples)
        self._high.feed(samples)
        self._mel.feed(self._stream.feed(samples))

    def flush(self) -> None:
        """Adds the last frames of the log-mel. Nothing may be fed after it."""
        self._mel.feed(self._stream.flush())

    @property
    def outline(self) -> Values:
        """(2, columns): the lowest and the highest sample of each column."""
        return np.stack([self._low.columns(), self._high.columns()])

    @property
    def outline_samples(self) -> int:
        """Samples per column of the outline."""
        return self._low.stride

    @property
    def mel(self) -> Values:
        """(n_mels, columns), log10 of the power."""
        return self._mel.columns()

    @property
    def mel_samples(self) -> int:
        """Samples per column of `mel`."""
        return self._mel.stride * HOP
