"""Cache for data that is equal in every epoch: decoded audio, and features without random augmentation."""

from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qal.audio.log_mel import LogMel, padded_log_mel
from qal.audio.samples import HOP, Samples

BYTES_PER_MB = 1_000_000
SILENT_FRAMES = 3  # after the last sample; the last one of them depends on no sample


class FeatureCache:
    """Stores arrays until the memory limit is reached; later arrays are computed on every access.

    Nothing is evicted: an epoch reads every entry once, so a least-recently-used cache would never hit."""

    def __init__(self, megabytes: int):
        self.limit_bytes, self.used_bytes = megabytes * BYTES_PER_MB, 0
        self._arrays: dict[Hashable, NDArray[Any]] = {}

    def get(self, key: Hashable, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Returns the cached array of the key (read-only), or computes it."""
        if key in self._arrays:
            return self._arrays[key]
        array = compute()
        if self.used_bytes + array.nbytes <= self.limit_bytes:
            self.used_bytes += array.nbytes
            array.flags.writeable = False
            self._arrays[key] = array
        return array


def speech_mel(samples: Samples, n_mels: int) -> LogMel:
    """Log-mel features of the samples and SILENT_FRAMES of silence, from which `fit_to_context` makes any context."""
    return padded_log_mel(samples, -(-len(samples) // HOP) + SILENT_FRAMES, n_mels)


def speech_samples(mel: LogMel) -> int:
    """Number of samples behind the result of `speech_mel`, rounded up to whole frames."""
    return (mel.shape[1] - SILENT_FRAMES) * HOP


def fit_to_context(mel: LogMel, frames: int) -> LogMel:
    """Extends the result of `speech_mel` with silence, or cuts it, to the given number of frames.

    The last frame of `mel` is silence, so the extension repeats it."""
    return np.concatenate([mel, np.repeat(mel[:, -1:], max(0, frames - mel.shape[1]), 1)], 1)[:, :frames]
