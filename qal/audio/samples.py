"""The audio representation of the whole package: mono float32 samples in [-1, 1] at 16 kHz."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # (n,)

SAMPLE_RATE = 16_000  # Hz; Whisper and Silero agree
HOP = 160  # samples per log-mel frame
FRAMES_PER_SECOND = SAMPLE_RATE // HOP  # 100
WINDOW_S = 30  # length of standard Whisper's input
WINDOW_FRAMES = WINDOW_S * FRAMES_PER_SECOND  # 3000
WINDOW_SAMPLES = WINDOW_S * SAMPLE_RATE
PCM_BYTES = 2  # per sample of 16-bit PCM


def seconds(samples: Samples) -> float:
    """Returns the duration of the samples in seconds."""
    return len(samples) / SAMPLE_RATE


def from_pcm16(pcm: NDArray[np.int16]) -> Samples:
    """Converts 16-bit PCM to float32 samples of the same shape."""
    return (pcm / 32768).astype(np.float32)


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """Converts float32 samples to little-endian 16-bit PCM of the same shape.

    Exact inverse of `from_pcm16`."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
