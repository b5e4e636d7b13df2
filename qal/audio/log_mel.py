"""The log-mel spectrogram, Whisper's input."""

from functools import cache

import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from qal.audio.samples import HOP, Samples

LogMel = NDArray[np.float32]  # (n_mels, frames)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _extractor(n_mels: int) -> FeatureExtractor:
    return FeatureExtractor(feature_size=n_mels)


def log_mel(samples: Samples, n_mels: int = 80) -> LogMel:
    """Computes Whisper's log-mel input (Radford et al. 2022, §2.2).

    (n,) at 16 kHz -> (n_mels, n // HOP); large-v3 needs n_mels=128."""
    with _libraries().limit(limits=1, user_api="blas"):  # OpenBLAS's other threads would wait busily for 50 ms after it
        return _extractor(n_mels)(samples, padding=0).astype(np.float32)[:, : len(samples) // HOP]


def padded_log_mel(samples: Samples, frames: int, n_mels: int = 80) -> LogMel:
    """Computes the log-mel input of exactly `frames` frames; samples are padded with zeros or cut at the end.

    (n,) at 16 kHz -> (n_mels, frames)."""
    length = frames * HOP
    padded = np.pad(samples[:length], (0, max(0, length - len(samples))))
    return log_mel(padded, n_mels)


def mel_filters(n_mels: int = 80) -> NDArray[np.float32]:
    """Returns Whisper's mel filter bank, (n_mels, FFT bins)."""
    return _extractor(n_mels).mel_filters
