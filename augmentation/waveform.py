"""Waveform augmentation: one audiomentations pipeline, its randomness given from outside."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import audiomentations as am
import numpy as np
import soxr
from audiomentations.core.transforms_interface import BaseWaveformTransform

from augmentation.codecs import Coding
from augmentation.noise import Background
from augmentation.options import AugmentationOptions, BandOptions, Colour, NoiseOptions, SpeedOptions
from augmentation.reverb import Reverb
from qal.audio.samples import SAMPLE_RATE, WINDOW_SAMPLES, Samples

Alter = Callable[[Samples, np.random.Generator], Samples]

SLOPES_DB: dict[Colour, tuple[float, float]] = {  # an octave; violet rises by 6, brown falls by 6
    "any": (-6.0, 6.0),
    "white": (0.0, 0.0),
    "pink": (-3.01, -3.01),
    "brown": (-6.02, -6.02),
}
_globals = Lock()


class Drawn(BaseWaveformTransform):
    """A function of sound and generator as one of audiomentations' transforms."""

    def __init__(self, alter: Alter, p: float):
        super().__init__(p)
        self.alter = alter

    def apply(self, samples: Samples, sample_rate: int) -> Samples:
        return self.alter(samples, np.random.default_rng(random.getrandbits(64)))


def pipeline(options: AugmentationOptions, voices: Sequence[Path] = ()) -> am.Compose:
    """What is switched on, from the speaker's mouth over room and microphone to the line.

    The order is law: a transform draws from what those before it left. `voices` are what babble is made of."""
    o = options
    makers: dict[str, Callable[[float], Any]] = {
        "speed": lambda p: Drawn(_speed(o.speed), p),
        "pitch": lambda p: am.PitchShift(-o.pitch.max_semitones, o.pitch.max_semitones, p=p),
        "reverb": lambda p: Drawn(Reverb(o.reverb), p),
        "background": lambda p: Drawn(Background(o.background, voices), p),
        "gain": lambda p: am.Gain(o.gain.min_gain_db, o.gain.max_gain_db, p=p),
        "noise": lambda p: _noise(o.noise, p),
        "band": lambda p: _band(o.band, p),
        "tempo": lambda p: am.TimeStretch(o.tempo.min_rate, o.tempo.max_rate, leave_length_unchanged=False, p=p),
        "clipping": lambda p: am.ClippingDistortion(o.clipping.min_percent, o.clipping.max_percent, p=p),
        "codec": lambda p: Drawn(Coding(o.codec), p),
    }
    return am.Compose([makers[name](s.probability) for name, s in o.switches.items() if s.probability])


def _speed(options: SpeedOptions) -> Alter:
    def alter(samples: Samples, rng: np.random.Generator) -> Samples:
        rate = rng.uniform(options.min_rate, options.max_rate)
        return soxr.resample(samples, SAMPLE_RATE * rate, SAMPLE_RATE)

    return alter


def _noise(options: NoiseOptions, p: float) -> am.AddColorNoise:
    low, high = SLOPES_DB[options.colour]
    return am.AddColorNoise(options.min_snr_db, options.max_snr_db, min_f_decay=low, max_f_decay=high, p=p)


def _band(options: BandOptions, p: float) -> am.BandPassFilter:
    return am.BandPassFilter(
        min_center_freq=options.min_centre_hz,
        max_center_freq=options.max_centre_hz,
        min_bandwidth_fraction=options.min_width,
        max_bandwidth_fraction=options.max_width,
        p=p,
    )


def augment(samples: Samples, transform: am.Compose, rng: np.random.Generator) -> Samples:
    """Same sound, altered; (n,) -> (m,), clipped to [-1, 1]. Equal rng states give equal results.

    What would grow beyond Whisper's window is left as it was: its last words would be cut."""
    with _global_randomness(int(rng.integers(2**31))):
        altered = transform(samples.copy(), sample_rate=SAMPLE_RATE)  # a kept sound may not be written to
    if len(altered) > max(WINDOW_SAMPLES, len(samples)):
        return samples
    return np.clip(altered, -1, 1).astype(np.float32)


@contextmanager
def _global_randomness(seed: int) -> Iterator[None]:
    """audiomentations draws from the global generators; they are seeded for one call and put back."""
    with _globals:
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
