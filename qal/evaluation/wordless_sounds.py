"""Sounds without words, made here: silence, noise, tones, coughs, laughter, humming and crowds.

The crowds are speech reversed in time, which holds the sounds of speech but no words. Laughter, humming and crowds open
the gate of the VAD (tests/evaluation/test_invented_words.py)."""

from collections.abc import Sequence

import numpy as np

from augmentation.noise import random_excerpt, rms
from qal.audio.samples import SAMPLE_RATE, Samples

SOUND_S = 6
SOUND_SAMPLES = SOUND_S * SAMPLE_RATE
FAINT_RMS, LOUD_RMS = 3e-3, 0.05
CROWD_SIZES = (1, 3, 6)  # voices at once
DIAL_TONE_HZ, KEY_TONES_HZ = (350, 440), ((697, 1209), (770, 1336), (852, 1477), (941, 1336))
COUGH_BANDS_HZ = ((500, 1500), (800, 3000))
FORMANTS = ((700, 150, 1.0), (1200, 200, 0.7), (2600, 300, 0.3))  # of an open vowel: centre Hz, width Hz, gain
HARMONICS = 40
SMALLEST_RMS = 1e-9  # avoids a division by zero


def wordless_sounds(voices: Sequence[Samples], rng: np.random.Generator) -> list[Samples]:
    """Makes the sounds, each (SOUND_SAMPLES,).

    Args:
        voices: recordings of speech, from which the crowds are mixed; empty: no crowds.
        rng: draws noise and excerpts."""
    noise = rng.normal(0, 1, SOUND_SAMPLES)
    sounds = [np.zeros(SOUND_SAMPLES), FAINT_RMS * noise, LOUD_RMS * noise, dial_tone(), key_tones()]
    sounds += [coughs(band_hz, rng) for band_hz in COUGH_BANDS_HZ]
    sounds += [laughter(), humming()]
    sounds += [crowd(voices, size, rng) for size in CROWD_SIZES if voices]
    return [sound.astype(np.float32) for sound in sounds]


def dial_tone() -> np.ndarray:
    return _at_level(_sines(_times(), DIAL_TONE_HZ))


def key_tones() -> np.ndarray:
    """Returns the tones of a telephone's keys, with pauses as long as the tones."""
    tones, length = np.zeros(SOUND_SAMPLES), SAMPLE_RATE // 4
    for i, start in enumerate(range(0, SOUND_SAMPLES - length, 2 * length)):
        tones[start : start + length] = _sines(_times()[:length], KEY_TONES_HZ[i % len(KEY_TONES_HZ)])
    return _at_level(tones)


def coughs(band_hz: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Returns bursts of noise in a band of frequencies, two a second, that fade out."""
    spectrum = np.fft.rfft(rng.normal(0, 1, SOUND_SAMPLES))
    frequencies_hz = np.fft.rfftfreq(SOUND_SAMPLES, 1 / SAMPLE_RATE)
    spectrum[(frequencies_hz < band_hz[0]) | (frequencies_hz > band_hz[1])] = 0
    fading = np.exp(-(_times() % 0.5) / 0.08)
    return _at_level(np.fft.irfft(spectrum, SOUND_SAMPLES) * fading)


def laughter() -> np.ndarray:
    """Returns short vowels whose pitch falls again and again."""
    t = _times()
    return _voiced(pitch_hz=220 * 2 ** (-(t % 1.2) / 3), loudness=np.sqrt(np.maximum(0, np.sin(2 * np.pi * 4.5 * t))))


def humming() -> np.ndarray:
    """Returns one long vowel of changing pitch and loudness."""
    t = _times()
    return _voiced(pitch_hz=150 + 20 * np.sin(2 * np.pi * 0.7 * t), loudness=0.5 + 0.5 * np.sin(2 * np.pi * 3 * t))


def crowd(voices: Sequence[Samples], size: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `size` excerpts of the recordings at once, equally loud and reversed in time."""
    chosen = [voices[i][::-1] for i in rng.integers(0, len(voices), size)]
    return _at_level(sum((_at_level(random_excerpt(v, SOUND_SAMPLES, rng)) for v in chosen), np.zeros(SOUND_SAMPLES)))


def _voiced(pitch_hz: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """Returns a vowel: harmonics of the pitch with the formants' gains. All arrays are (SOUND_SAMPLES,)."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / SAMPLE_RATE
    voice = np.zeros(SOUND_SAMPLES)
    for k in range(1, HARMONICS):
        gains = [gain * np.exp(-(((k * pitch_hz - centre) / width) ** 2)) for centre, width, gain in FORMANTS]
        voice += sum(gains) / k**0.3 * np.sin(k * phase) * (k * pitch_hz < SAMPLE_RATE / 2)
    return _at_level(voice * loudness)


def _sines(t: np.ndarray, frequencies_hz: Sequence[float]) -> np.ndarray:
    return np.sum([np.sin(2 * np.pi * f * t) for f in frequencies_hz], axis=0)


def _times() -> np.ndarray:
    """Returns the time of each sample in seconds, (SOUND_SAMPLES,)."""
    return np.arange(SOUND_SAMPLES) / SAMPLE_RATE


def _at_level(sound: np.ndarray) -> np.ndarray:
    return LOUD_RMS * sound / max(rms(sound), SMALLEST_RMS)
