"""Meters on sounds whose answer is known."""

from collections.abc import Iterator

import numpy as np
import pytest

from qal.audio.blocks import Native
from qal.audio.quality import CLIPPED_RUN, LevelMeter, LoudnessMeter, least_snr_db, snr_db, window_powers
from qal.audio.samples import SAMPLE_RATE
from qal.audio.vad import VAD_WINDOW
from tests.sounds import sine

RATE = 48_000


def blocks(native: Native, size: int) -> Iterator[Native]:
    return (native[:, i : i + size] for i in range(0, native.shape[1], size))


def level(native: Native, size: int = RATE) -> LevelMeter:
    meter = LevelMeter(len(native))
    for block in blocks(native, size):
        meter.feed(block)
    return meter


def loudness(native: Native, size: int = RATE) -> float:
    found = measured(native, size)
    assert found is not None
    return found


def measured(native: Native, size: int = RATE) -> float | None:
    meter = LoudnessMeter(RATE, len(native))
    for block in blocks(native, size):
        meter.feed(block)
    return meter.flush()


def tone(channels: int, amplitude: float = 1.0, seconds: float = 4.0) -> Native:
    return np.tile(sine(997, seconds, RATE, amplitude), (channels, 1))


@pytest.mark.parametrize(("channels", "lufs"), [(1, -3.01), (2, 0.0)])
def test_loudness_is_what_bs_1770_says_of_a_sine_at_full_scale(channels, lufs):
    assert loudness(tone(channels)) == pytest.approx(lufs, abs=0.1)


def test_half_the_amplitude_is_six_decibels_less():
    assert loudness(tone(1)) - loudness(tone(1, 0.5)) == pytest.approx(6.02, abs=0.1)


@pytest.mark.parametrize("native", [tone(1, seconds=0.2), np.zeros((1, 2 * RATE), np.float32)], ids=["short", "silent"])
def test_what_cannot_be_measured_has_no_loudness(native):
    assert measured(native) is None


def test_a_sine_that_is_twice_too_loud_is_clipped_for_two_thirds_of_its_time():
    loud = np.clip(sine(100, 1, amplitude=2.0), -1, 1)[None]
    assert level(loud).clipped_share == pytest.approx(2 / 3, abs=0.02)
    assert level(loud).peak_db == pytest.approx(0, abs=1e-3)


def test_a_whole_wave_at_full_scale_is_not_clipped():
    assert level(sine(440, 1)[None]).clipped_share == 0


def test_a_run_counts_whole_and_a_shorter_one_not_at_all():
    flat = np.zeros((1, 100), np.float32)
    flat[0, 10 : 10 + CLIPPED_RUN] = -1
    flat[0, 50 : 50 + CLIPPED_RUN - 1] = 1
    assert level(flat).clipped_share == pytest.approx(CLIPPED_RUN / 100)


@pytest.mark.parametrize("size", [1, 2, 7, 160, 4096])
def test_the_size_of_the_blocks_changes_nothing(size):
    rng = np.random.default_rng(0)
    native = np.clip(rng.normal(0, 0.9, (2, 6000)), -1, 1).astype(np.float32).round(1)
    whole, parts = level(native), level(native, size)
    assert (parts.clipped_share, parts.peak_db) == (whole.clipped_share, whole.peak_db)
    assert whole.clipped_share > 0
    if size > 100:
        assert loudness(tone(2, 0.3), size) == pytest.approx(loudness(tone(2, 0.3)), abs=0.05)


def test_the_peak_of_a_tenth_is_twenty_decibels_down():
    assert level(sine(440, 1, amplitude=0.1)[None]).peak_db == pytest.approx(-20, abs=0.05)


@pytest.mark.parametrize("ratio_db", [5, 15, 30])
def test_a_mixture_at_a_ratio_has_that_ratio(ratio_db):
    rng = np.random.default_rng(1)
    probabilities = np.repeat(np.array([0, 1, 0, 1, 0], np.float32), 40)
    voice = sine(300, len(probabilities) * VAD_WINDOW / SAMPLE_RATE, amplitude=0.3)
    voice *= np.repeat(probabilities, VAD_WINDOW)
    power = float(np.mean(voice[voice != 0] ** 2))
    noise = rng.normal(0, np.sqrt(power * 10 ** (-ratio_db / 10)), len(voice))
    assert snr_db(window_powers((voice + noise).astype(np.float32)), probabilities) == pytest.approx(ratio_db, abs=0.5)


def test_noise_that_is_not_there_is_no_division_by_zero():
    probabilities = np.repeat(np.array([0, 1, 0], np.float32), 20)
    voice = sine(300, len(probabilities) * VAD_WINDOW / SAMPLE_RATE) * np.repeat(probabilities, VAD_WINDOW)
    found = snr_db(window_powers(voice), probabilities)
    assert found is not None
    assert 80 < found < 110


@pytest.mark.parametrize("ratio_db", [5, 15, 30])
def test_the_bound_is_no_more_than_the_ratio_even_without_a_pause(ratio_db):
    rng, n = np.random.default_rng(2), 60
    swell = np.repeat(np.linspace(0, 1, n), VAD_WINDOW)
    voice = swell * sine(300, n * VAD_WINDOW / SAMPLE_RATE, amplitude=0.3)
    noise = rng.normal(0, np.sqrt(np.mean(voice**2) * 10 ** (-ratio_db / 10)), len(voice))
    bound = least_snr_db(window_powers((voice + noise).astype(np.float32)), np.ones(n, np.float32))
    assert bound is not None
    assert min(ratio_db, 20) - 2 < bound < ratio_db + 0.5


@pytest.mark.parametrize("probability", [0.0, 1.0], ids=["no speech", "no pause"])
def test_without_both_there_is_no_ratio(probability):
    n = 100
    assert snr_db(np.ones(n), np.full(n, probability, np.float32)) is None
