from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from augmentation.codecs import apply_codec
from augmentation.noise import rms
from augmentation.options import Codec, ReverbOptions
from augmentation.reverb import DECAY_60_DB, Reverb, apply_reverb, synthetic_response, trim_response
from qal.audio.blocks import write_wav
from qal.audio.samples import SAMPLE_RATE
from tests.fakes import noise


def chirp(seconds: float = 1.0) -> np.ndarray:
    """A chirp from 200 to 3000 Hz, within the band of a telephone."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * (200 * t + 1400 * t**2 / seconds))).astype(np.float32)


def delay(delayed: np.ndarray, samples: np.ndarray) -> int:
    """The delay between two signals in samples, from their cross-correlation."""
    size = 2 * len(samples)
    spectrum = np.fft.rfft(delayed, size) * np.conj(np.fft.rfft(samples, size))
    lag = int(np.fft.irfft(spectrum, size).argmax())
    return lag if lag < len(samples) else lag - size


@pytest.mark.parametrize("codec", get_args(Codec))
@pytest.mark.parametrize("seconds", [0.05, 1.0, 2.345])
def test_codec_keeps_length_and_adds_no_delay(codec: Codec, seconds: float):
    samples = chirp(seconds)
    decoded = apply_codec(samples, codec, 24)
    assert len(decoded) == len(samples)
    assert decoded.dtype == np.float32
    if seconds >= 1:
        assert abs(delay(decoded, samples)) <= 4  # a quarter of a millisecond
        assert not np.array_equal(decoded, samples)
        assert rms(decoded) == pytest.approx(rms(samples), rel=0.3)


@pytest.mark.parametrize("codec", ["telephone", "mobile"])
def test_telephone_codecs_remove_frequencies_above_4_khz(codec: Codec):
    power = np.abs(np.fft.rfft(apply_codec(noise(SAMPLE_RATE), codec, 24))) ** 2
    assert power[4200:].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("direct_db", [-3.0, 0.0, 10.0])
def test_synthetic_response_has_its_direct_ratio_and_decay_time(direct_db: float):
    response = synthetic_response(0.5, direct_db, np.random.default_rng(0))
    assert response[0] == 1
    assert -10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(direct_db, abs=0.01)
    tail = response[-SAMPLE_RATE // 2 :]
    first, last = rms(tail[:800]), rms(tail[-800:])
    assert 20 * np.log10(first / last) == pytest.approx(60 * 0.9, abs=3)
    assert np.isclose(DECAY_60_DB, 6.9, atol=0.01)


def test_reverb_keeps_delay_loudness_and_length():
    samples = chirp()
    wet = apply_reverb(samples, synthetic_response(0.4, 3, np.random.default_rng(0)))
    assert len(wet) == len(samples)
    assert delay(wet, samples) == 0
    assert rms(wet) == pytest.approx(rms(samples), rel=1e-3)
    assert not np.allclose(wet, samples, atol=0.01)


def test_recorded_response_is_trimmed_to_its_direct_sound(tmp_path: Path):
    delayed = np.concatenate([np.zeros(500, np.float32), 0.5 * synthetic_response(0.2, 0, np.random.default_rng(0))])
    assert trim_response(delayed)[0] == delayed[500]
    write_wav(tmp_path / "hall.wav", delayed)
    options = ReverbOptions(probability=1, folder=str(tmp_path))
    assert delay(Reverb(options)(chirp(), np.random.default_rng(0)), chirp()) == 0
