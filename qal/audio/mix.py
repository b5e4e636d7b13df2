"""Mixes channels to one: their average or, where they cancel each other out in it, the loudest channel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import SAMPLE_RATE, Samples

WINDOW = SAMPLE_RATE  # samples, over which is decided
LIVE_WINDOW_S = 0.096  # of live audio, which should lag little: a packet of the page
# Power of the average relative to that of unrelated channels, which is 1. Equal channels have more. Inverted ones have
# their noise alone: at a power n times below the voice, 1 / (n + 1). Powers do not count a constant offset.
MIN_RELATIVE_POWER = 0.4
LOUDER = 2.0  # power ratio at which another channel is preferred to the one that was used last
CANCELLED = "its channels cancel each other out when they are mixed, so the loudest one is used"

Channels = NDArray[np.float32]  # (channels, n)


class MonoMixer:
    """Mixes a stream to one channel. The result does not depend on the chunk size; it lags by less than the window.

    Feed all chunks, then call `flush`.

    Args:
        window: samples over which is decided; a shorter one lags less."""

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._pending: Channels | None = None
        self._channel: int | None = None  # the channel that was used last
        self.has_cancelled = False

    def feed(self, channels: NDArray[Any]) -> Samples:
        """Adds the next chunk, (channels, n), and returns the samples that are decided."""
        if len(channels) == 1:
            return channels[0].astype(np.float32, copy=False)
        pending = channels if self._pending is None else np.concatenate([self._pending, channels], axis=1)
        complete = pending.shape[1] // self._window * self._window
        self._pending = pending[:, complete:]
        windows = [self._mixed(pending[:, i : i + self._window]) for i in range(0, complete, self._window)]
        return np.concatenate([pending[0, :0], *windows])

    def flush(self) -> Samples:
        """Returns the samples of the last, incomplete window. Nothing may be fed after it."""
        if self._pending is None or not self._pending.shape[1]:
            return np.zeros(0, np.float32)
        return self._mixed(self._pending)

    def _mixed(self, channels: Channels) -> Samples:
        average = channels.mean(axis=0, dtype=np.float32)
        powers = channels.var(axis=1, dtype=np.float64)
        unrelated_power = powers.sum() / len(channels) ** 2
        if average.var(dtype=np.float64) >= MIN_RELATIVE_POWER * unrelated_power:
            return average
        self.has_cancelled = True
        if self._channel is None or powers.max() > LOUDER * powers[self._channel]:
            self._channel = int(powers.argmax())
        return channels[self._channel]
