"""A fingerprint of speech: 256 bits that stay nearly the same when level, codec or the silence around it change.

The part between the first and the last loud frame is divided into 17 spans of equal length and 17 bands of mel
frequencies. A bit says whether the energy of a band, against its upper neighbour, rises from one span to the next
(after Haitsma and Kalker 2002, whose spans have a fixed length)."""

import numpy as np
from numpy.typing import NDArray

from qal.audio.log_mel import log_mel
from qal.audio.samples import HOP, Samples

SPANS = BANDS = 17
BITS = (SPANS - 1) * (BANDS - 1)
FLOOR = -6.0  # log10 of the power, below the loudest; quieter bins are noise
LOUD_PERCENTILE = 95  # of the frames' power
QUIET_DB = -25.0  # against it; quieter frames at the ends are left out
LOWEST_BAND, HIGHEST_BAND = 2, 70  # of 80 mel bands: 100 Hz to 5.5 kHz, which telephone and music codecs keep


def fingerprint(samples: Samples) -> str:
    """Returns the fingerprint of the samples, (n,) at 16 kHz, as hexadecimal digits; "" for too little sound.

    Quiet frames before and after the loud ones are not part of it, so that padding changes nothing."""
    frames = len(samples) // HOP
    if frames < SPANS or not samples.any():
        return ""
    levels = np.square(samples[: frames * HOP].reshape(frames, HOP), dtype=np.float64).mean(axis=1)
    loud = np.flatnonzero(levels > np.percentile(levels, LOUD_PERCENTILE) * 10.0 ** (QUIET_DB / 10))
    first, end = int(loud[0]), int(loud[-1]) + 1
    if end - first < SPANS:
        return ""
    samples = samples[first * HOP : end * HOP]
    frames = end - first
    scaled = np.asarray(log_mel(samples)[LOWEST_BAND:HIGHEST_BAND, :frames], np.float64)
    power = 10.0 ** (4 * scaled - 4)  # Whisper's scaling of log10 of the power
    bands = np.stack([band.mean(axis=0) for band in np.array_split(power, BANDS, axis=0)])
    spans = np.stack([span.mean(axis=1) for span in np.array_split(bands, SPANS, axis=1)])  # (spans, bands)
    energy = np.log10(np.maximum(spans, spans.max() * 10.0**FLOOR))
    slope = energy[:, 1:] - energy[:, :-1]
    return np.packbits(slope[1:] > slope[:-1]).tobytes().hex()


def differing_bits(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Returns the number of bits that differ: (n, 32), (n, 32) bytes -> (n,)."""
    return np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int64)
