"""Waveform augmentation: one audiomentations pipeline with explicit randomness."""

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

from augmentation.codecs import RandomCodec
from augmentation.noise import BackgroundNoise
from augmentation.options import AugmentationOptions, BandOptions, Colour, NoiseOptions, SpeedOptions
from augmentation.reverb import Reverb
from qal.audio.samples import SAMPLE_RATE, WINDOW_SAMPLES, Samples

WaveformFunction = Callable[[Samples, np.random.Generator], Samples]

SLOPES_DB: dict[Colour, tuple[float, float]] = {  # lowest and highest, per octave
    "any": (-6.0, 6.0),
    "white": (0.0, 0.0),
    "pink": (-3.01, -3.01),
    "brown": (-6.02, -6.02),
}
_global_generators = Lock()


class FunctionTransform(BaseWaveformTransform):
    """Wraps a function of samples and a generator as a transform of audiomentations, applied with probability p."""

    def __init__(self, function: WaveformFunction, p: float):
        super().__init__(p)
        self.function = function

    def apply(self, samples: Samples, sample_rate: int) -> Samples:
        return self.function(samples, np.random.default_rng(random.getrandbits(64)))


def build_pipeline(options: AugmentationOptions, babble_paths: Sequence[Path] = ()) -> am.Compose:
    """Builds the pipeline of the enabled transforms, in the order speaker, room, microphone, transmission.

    A new order would change the results of every seed, because the transforms share one random stream.
    `babble_paths` are recordings of speech for background voices."""
    o = options
    builders: dict[str, Callable[[float], Any]] = {
        "speed": lambda p: FunctionTransform(_speed(o.speed), p),
        "pitch": lambda p: am.PitchShift(-o.pitch.max_semitones, o.pitch.max_semitones, p=p),
        "reverb": lambda p: FunctionTransform(Reverb(o.reverb), p),
        "background": lambda p: FunctionTransform(BackgroundNoise(o.background, babble_paths), p),
        "gain": lambda p: am.Gain(o.gain.min_gain_db, o.gain.max_gain_db, p=p),
        "noise": lambda p: _noise(o.noise, p),
        "band": lambda p: _band(o.band, p),
        "tempo": lambda p: am.TimeStretch(o.tempo.min_rate, o.tempo.max_rate, leave_length_unchanged=False, p=p),
        "clipping": lambda p: am.ClippingDistortion(o.clipping.min_percent, o.clipping.max_percent, p=p),
        "codec": lambda p: FunctionTransform(RandomCodec(o.codec), p),
    }
    return am.Compose([builders[name](t.probability) for name, t in options.enabled_transforms.items()])


def _speed(options: SpeedOptions) -> WaveformFunction:
    def change_speed(samples: Samples, rng: np.random.Generator) -> Samples:
        rate = rng.uniform(options.min_rate, options.max_rate)
        return soxr.resample(samples, SAMPLE_RATE * rate, SAMPLE_RATE)

    return change_speed


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
    """Applies a pipeline and clips to [-1, 1]: (n,) -> (m,). Equal states of the rng give equal results.

    Returns the samples unchanged if the result would not fit in Whisper's window, which would cut its last words."""
    with _seeded_global_generators(int(rng.integers(2**31))):
        augmented = transform(samples.copy(), sample_rate=SAMPLE_RATE)  # a copy, because samples may be read-only
    if len(augmented) > max(WINDOW_SAMPLES, len(samples)):
        return samples
    return np.clip(augmented, -1, 1).astype(np.float32)


@contextmanager
def _seeded_global_generators(seed: int) -> Iterator[None]:
    """Seeds the global generators, which audiomentations uses, and restores their states afterwards."""
    with _global_generators:
        python_state, numpy_state = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
