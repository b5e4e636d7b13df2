"""What a stretch of sound is here: one channel of float32 in [-1, 1] at 16 kHz."""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]  # (n,)

SAMPLE_RATE = 16_000  # Hz; Whisper and Silero agree
HOP = 160  # samples a log-mel frame
FRAMES_PER_SECOND = SAMPLE_RATE // HOP  # 100
WINDOW_S = 30  # what stock Whisper always hears
WINDOW_FRAMES = WINDOW_S * FRAMES_PER_SECOND  # 3000
WINDOW_SAMPLES = WINDOW_S * SAMPLE_RATE
PCM_BYTES = 2  # a sample of 16-bit PCM


def seconds(samples: Samples) -> float:
    return len(samples) / SAMPLE_RATE


def from_pcm16(pcm: NDArray[np.int16]) -> Samples:
    """(n,) or (n, channels) of 16-bit PCM -> (n,) float32, channels averaged."""
    mono = pcm if pcm.ndim == 1 else pcm.mean(axis=1)
    return (mono / 32768).astype(np.float32)


def to_pcm16(samples: Samples) -> NDArray[np.int16]:
    """(n,) float32 -> (n,) of little-endian 16-bit PCM; the way back of `from_pcm16`, to the bit."""
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
