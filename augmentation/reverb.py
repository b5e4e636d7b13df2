"""Reverberation: audio convolved with an impulse response, recorded or synthetic.

A synthetic response is the direct sound, followed by noise that decays exponentially. Ko et al. 2017 found synthetic
responses as good for training as recorded ones. It takes a fortieth of the image method's time; see
docs/augmentation.md."""

import numpy as np

from augmentation.noise import SILENCE_RMS, list_audio_files, load_clip, rms
from augmentation.options import ReverbOptions
from qal.audio.samples import SAMPLE_RATE, Samples

DIRECT_GAP_S = 0.003  # between the direct sound and the first reflection
DECAY_60_DB = np.log(10 ** (60 / 20))  # exponent at which the amplitude has fallen by 60 dB
MAX_RESPONSE_S = 3


def synthetic_response(decay_s: float, direct_db: float, rng: np.random.Generator) -> Samples:
    """Generates an impulse response that starts with the direct sound.

    Args:
        decay_s: time in which the reverberation falls by 60 dB (RT60).
        direct_db: energy of the direct sound over that of the reverberation (DRR).
        rng: source of the noise.

    Returns:
        The response at SAMPLE_RATE, (n,)."""
    n, gap = int(decay_s * SAMPLE_RATE), int(DIRECT_GAP_S * SAMPLE_RATE)
    tail = rng.normal(size=n) * np.exp(-DECAY_60_DB * np.arange(n) / n)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    return np.concatenate([[1.0], np.zeros(gap), tail]).astype(np.float32)


def trim_response(response: Samples) -> Samples:
    """Removes what precedes the direct sound, the loudest sample, so that the convolution adds no delay."""
    start = int(np.abs(response).argmax())
    return response[start : start + MAX_RESPONSE_S * SAMPLE_RATE]


def apply_reverb(samples: Samples, response: Samples) -> Samples:
    """Convolves samples with an impulse response; length and loudness stay the same: (n,) -> (n,)."""
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    loudness = rms(wet)
    return samples if loudness < SILENCE_RMS else (wet * (rms(samples) / loudness)).astype(np.float32)


class Reverb:
    """Adds the reverberation of a random impulse response, from the folder if there is one, else synthetic."""

    def __init__(self, options: ReverbOptions):
        self.options = options
        self.response_paths = list_audio_files(options.folder) if options.folder is not None else []

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        return apply_reverb(samples, self._random_response(rng))

    def _random_response(self, rng: np.random.Generator) -> Samples:
        if self.response_paths:
            return trim_response(load_clip(self.response_paths[rng.integers(len(self.response_paths))]))
        decay_s = rng.uniform(self.options.min_decay_s, self.options.max_decay_s)
        direct_db = rng.uniform(self.options.min_direct_db, self.options.max_direct_db)
        return synthetic_response(decay_s, direct_db, rng)
