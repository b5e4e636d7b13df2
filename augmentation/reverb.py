"""Rooms: sound convolved with an impulse response, recorded or made.

A made one is the direct sound and noise that decays exponentially behind it (Ko et al. 2017 found such rooms as
good for training as recorded ones). Forty times faster than the image method; see docs/augmentation.md."""

import numpy as np

from augmentation.noise import SILENCE, audio_files, first_minute, rms
from augmentation.options import ReverbOptions
from qal.audio.samples import SAMPLE_RATE, Samples

GAP_S = 0.003  # between the direct sound and the first that a wall sends back
DECAY = np.log(10 ** (60 / 20))  # of the amplitude, over the time in which it falls by 60 dB
MAX_RESPONSE_S = 3


def made_room(decay_s: float, direct_db: float, rng: np.random.Generator) -> Samples:
    """An impulse response whose direct sound comes first, direct_db over all that follows."""
    n, gap = int(decay_s * SAMPLE_RATE), int(GAP_S * SAMPLE_RATE)
    tail = rng.normal(size=n) * np.exp(-DECAY * np.arange(n) / n)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(tail**2))
    return np.concatenate([[1.0], np.zeros(gap), tail]).astype(np.float32)


def recorded_room(response: Samples) -> Samples:
    """From its loudest sample on, the direct sound, so that nothing is delayed."""
    start = int(np.abs(response).argmax())
    return response[start : start + MAX_RESPONSE_S * SAMPLE_RATE]


def reverberant(samples: Samples, response: Samples) -> Samples:
    """(n,) -> (n,): convolved, as loud as before; the last echoes are cut."""
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    wet = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(response, size), size)[: len(samples)]
    loudness = rms(wet)
    return samples if loudness < SILENCE else (wet * (rms(samples) / loudness)).astype(np.float32)


class Reverb:
    """Puts the sound into a room."""

    def __init__(self, options: ReverbOptions):
        self.options = options
        self.files = audio_files(options.folder) if options.folder is not None else []

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        o = self.options
        if self.files:
            response = recorded_room(first_minute(self.files[rng.integers(len(self.files))]))
        else:
            decay_s = rng.uniform(o.min_decay_s, o.max_decay_s)
            response = made_room(decay_s, rng.uniform(o.min_direct_db, o.max_direct_db), rng)
        return reverberant(samples, response)
