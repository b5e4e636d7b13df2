"""Memory for what is the same in every epoch: decoded sound, and features where nothing random is done to them."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qal.audio.log_mel import LogMel, padded_log_mel
from qal.audio.samples import HOP, Samples

BYTES_A_MB = 1_000_000
SILENT_FRAMES = 3  # behind the last sample; the last of them hears nothing of it


class FeatureCache:
    """Keeps arrays until the memory is full; what comes later is made anew each time.

    Nothing is thrown out: an epoch reads everything once, so the last used would be gone before it is used again."""

    def __init__(self, megabytes: int):
        self.limit, self.used = megabytes * BYTES_A_MB, 0
        self._kept: dict[Hashable, NDArray[Any]] = {}

    def get(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array of this key, which nobody may write to."""
        if key in self._kept:
            return self._kept[key]
        made = make()
        if self.used + made.nbytes <= self.limit:
            self.used += made.nbytes
            made.flags.writeable = False
            self._kept[key] = made
        return made


def speech_mel(samples: Samples, n_mels: int) -> LogMel:
    """Log-mel of the sound and SILENT_FRAMES of silence: all that a longer context needs to know of it."""
    return padded_log_mel(samples, -(-len(samples) // HOP) + SILENT_FRAMES, n_mels)


def speech_samples(mel: LogMel) -> int:
    """Of a speech_mel, rounded up to whole frames."""
    return (mel.shape[1] - SILENT_FRAMES) * HOP


def lengthened(mel: LogMel, frames: int) -> LogMel:
    """A speech_mel at a longer context: every frame of silence is like its last one; or cut."""
    return np.concatenate([mel, np.repeat(mel[:, -1:], max(0, frames - mel.shape[1]), 1)], 1)[:, :frames]
