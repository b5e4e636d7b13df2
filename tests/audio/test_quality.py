"""Meters on audio with known results."""

from collections.abc import Iterator

import numpy as np
import pytest

from qal.audio.blocks import NativeSamples
from qal.audio.quality import MIN_CLIPPED_RUN_SAMPLES, LevelMeter, LoudnessMeter, least_snr_db, snr_db, window_powers
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW
from tests.sounds import sine

RATE_HZ = 48_000


def blocks(native: NativeSamples, size: int) -> Iterator[NativeSamples]:
    return (native[:, i : i + size] for i in range(0, native.shape[1], size))


def level(native: NativeSamples, size: int = RATE_HZ) -> LevelMeter:
    meter = LevelMeter(len(native))
    for block in blocks(native, size):
        meter.feed(block)
    return meter


def loudness(native: NativeSamples, size: int = RATE_HZ) -> float:
    value = measured_loudness(native, size)
    assert value is not None
    return value


def measured_loudness(native: NativeSamples, size: int = RATE_HZ) -> float | None:
    meter = LoudnessMeter(RATE_HZ, len(native))
    for block in blocks(native, size):
        meter.feed(block)
    return meter.flush()


def tone(channels: int, amplitude: float = 1.0, seconds: float = 4.0) -> NativeSamples:
    return np.tile(sine(997, seconds, RATE_HZ, amplitude), (channels, 1))


@pytest.mark.parametrize(("channels", "lufs"), [(1, -3.01), (2, 0.0)])
def test_loudness_of_a_full_scale_sine_follows_bs_1770(channels, lufs):
    assert loudness(tone(channels)) == pytest.approx(lufs, abs=0.1)


def test_half_the_amplitude_is_6_db_less_loudness():
    assert loudness(tone(1)) - loudness(tone(1, 0.5)) == pytest.approx(6.02, abs=0.1)


@pytest.mark.parametrize(
    "native", [tone(1, seconds=0.2), np.zeros((1, 2 * RATE_HZ), np.float32)], ids=["short", "silent"]
)
def test_short_or_silent_audio_has_no_loudness(native):
    assert measured_loudness(native) is None


def test_sine_of_twice_full_scale_is_clipped_for_two_thirds():
    clipped = np.clip(sine(100, 1, amplitude=2.0), -1, 1)[None]
    assert level(clipped).clipped_share == pytest.approx(2 / 3, abs=0.02)
    assert level(clipped).peak_db == pytest.approx(0, abs=1e-3)


def test_sine_at_full_scale_is_not_clipped():
    assert level(sine(440, 1)[None]).clipped_share == 0


def test_only_runs_of_the_minimum_length_count_as_clipped():
    samples = np.zeros((1, 100), np.float32)
    samples[0, 10 : 10 + MIN_CLIPPED_RUN_SAMPLES] = -1
    samples[0, 50 : 50 + MIN_CLIPPED_RUN_SAMPLES - 1] = 1
    assert level(samples).clipped_share == pytest.approx(MIN_CLIPPED_RUN_SAMPLES / 100)


@pytest.mark.parametrize("size", [1, 2, 7, 160, 4096])
def test_level_and_loudness_do_not_depend_on_block_size(size):
    rng = np.random.default_rng(0)
    native = np.clip(rng.normal(0, 0.9, (2, 6000)), -1, 1).astype(np.float32).round(1)
    expected, blockwise = level(native), level(native, size)
    assert (blockwise.clipped_share, blockwise.peak_db) == (expected.clipped_share, expected.peak_db)
    assert expected.clipped_share > 0
    if size > 100:
        assert loudness(tone(2, 0.3), size) == pytest.approx(loudness(tone(2, 0.3)), abs=0.05)


def test_peak_of_a_tenth_of_full_scale_is_minus_20_db():
    assert level(sine(440, 1, amplitude=0.1)[None]).peak_db == pytest.approx(-20, abs=0.05)


@pytest.mark.parametrize("ratio_db", [5, 15, 30])
def test_snr_of_a_mixture_equals_its_mixing_ratio(ratio_db):
    rng = np.random.default_rng(1)
    probabilities = np.repeat(np.array([0, 1, 0, 1, 0], np.float32), 40)
    voice = sine(300, len(probabilities) * VAD_WINDOW / SAMPLE_RATE, amplitude=0.3)
    voice *= np.repeat(probabilities, VAD_WINDOW)
    power = float(np.mean(voice[voice != 0] ** 2))
    noise = rng.normal(0, np.sqrt(power * 10 ** (-ratio_db / 10)), len(voice))
    assert snr_db(window_powers((voice + noise).astype(np.float32)), probabilities) == pytest.approx(ratio_db, abs=0.5)


def test_snr_without_noise_is_finite():
    probabilities = np.repeat(np.array([0, 1, 0], np.float32), 20)
    voice = sine(300, len(probabilities) * VAD_WINDOW / SAMPLE_RATE) * np.repeat(probabilities, VAD_WINDOW)
    value = snr_db(window_powers(voice), probabilities)
    assert value is not None
    assert 80 < value < 110


@pytest.mark.parametrize("ratio_db", [5, 15, 30])
def test_least_snr_is_a_lower_bound_without_pauses(ratio_db):
    rng, n = np.random.default_rng(2), 60
    swell = np.repeat(np.linspace(0, 1, n), VAD_WINDOW)
    voice = swell * sine(300, n * VAD_WINDOW / SAMPLE_RATE, amplitude=0.3)
    noise = rng.normal(0, np.sqrt(np.mean(voice**2) * 10 ** (-ratio_db / 10)), len(voice))
    bound = least_snr_db(window_powers((voice + noise).astype(np.float32)), np.ones(n, np.float32))
    assert bound is not None
    assert min(ratio_db, 20) - 2 < bound < ratio_db + 0.5


@pytest.mark.parametrize("probability", [0.0, 1.0], ids=["no speech", "no pause"])
def test_snr_needs_both_speech_and_pauses(probability):
    n = 100
    assert snr_db(np.ones(n), np.full(n, probability, np.float32)) is None
