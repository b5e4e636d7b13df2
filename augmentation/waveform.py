"""Waveform augmentation: one audiomentations pipeline, its randomness given from outside."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import audiomentations as am
import numpy as np

from audio.samples import SAMPLE_RATE, Samples


def pipeline(probability: float) -> am.Compose:
    """Level, room noise, telephone-like bands and tempo: each applied with `probability`."""
    return am.Compose(
        [
            am.Gain(min_gain_db=-12, max_gain_db=6, p=probability),
            am.AddColorNoise(min_snr_db=8, max_snr_db=35, p=probability),
            am.BandPassFilter(
                min_center_freq=800,
                max_center_freq=3000,
                min_bandwidth_fraction=1.2,
                max_bandwidth_fraction=1.9,
                p=probability / 2,
            ),
            am.TimeStretch(min_rate=0.9, max_rate=1.1, leave_length_unchanged=False, p=probability / 2),
        ]
    )


def augment(samples: Samples, transform: am.Compose, rng: np.random.Generator) -> Samples:
    """Same sound, altered; (n,) -> (m,), clipped to [-1, 1]. Equal rng states give equal results."""
    with _global_randomness(int(rng.integers(2**31))):
        return np.clip(transform(samples, sample_rate=SAMPLE_RATE), -1, 1).astype(np.float32)


@contextmanager
def _global_randomness(seed: int) -> Iterator[None]:
    """audiomentations draws from the global generators; they are seeded for one call and put back."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
