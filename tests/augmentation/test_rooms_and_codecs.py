from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from augmentation.codecs import coded
from augmentation.noise import rms
from augmentation.options import Codec, ReverbOptions
from augmentation.preview import write_wav
from augmentation.reverb import DECAY, Reverb, made_room, recorded_room, reverberant
from qal.audio.samples import SAMPLE_RATE
from tests.fakes import noise


def chirp(seconds: float = 1.0) -> np.ndarray:
    """200 to 3000 Hz: within a telephone's band."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * (200 * t + 1400 * t**2 / seconds))).astype(np.float32)


def delay(late: np.ndarray, sound: np.ndarray) -> int:
    size = 2 * len(sound)
    spectrum = np.fft.rfft(late, size) * np.conj(np.fft.rfft(sound, size))
    found = int(np.fft.irfft(spectrum, size).argmax())
    return found if found < len(sound) else found - size


@pytest.mark.parametrize("kind", get_args(Codec))
@pytest.mark.parametrize("seconds", [0.05, 1.0, 2.345])
def test_a_codec_keeps_length_and_place(kind: Codec, seconds: float):
    sound = chirp(seconds)
    heard = coded(sound, kind, 24)
    assert len(heard) == len(sound)
    assert heard.dtype == np.float32
    if seconds >= 1:
        assert abs(delay(heard, sound)) <= 4  # a quarter of a millisecond
        assert not np.array_equal(heard, sound)
        assert rms(heard) == pytest.approx(rms(sound), rel=0.3)


@pytest.mark.parametrize("kind", ["telephone", "mobile"])
def test_a_telephone_leaves_nothing_above_4_khz(kind: Codec):
    power = np.abs(np.fft.rfft(coded(noise(SAMPLE_RATE), kind, 24))) ** 2
    assert power[4200:].sum() < 0.01 * power.sum()


@pytest.mark.parametrize("direct_db", [-3.0, 0.0, 10.0])
def test_a_made_room_has_its_direct_sound_first_and_decays_by_60_db_in_its_time(direct_db: float):
    response = made_room(0.5, direct_db, np.random.default_rng(0))
    assert response[0] == 1
    assert -10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(direct_db, abs=0.01)
    tail = response[-SAMPLE_RATE // 2 :]
    first, last = rms(tail[:800]), rms(tail[-800:])
    assert 20 * np.log10(first / last) == pytest.approx(60 * 0.9, abs=3)
    assert np.isclose(DECAY, 6.9, atol=0.01)


def test_a_room_neither_delays_nor_changes_loudness_or_length():
    sound = chirp()
    wet = reverberant(sound, made_room(0.4, 3, np.random.default_rng(0)))
    assert len(wet) == len(sound)
    assert delay(wet, sound) == 0
    assert rms(wet) == pytest.approx(rms(sound), rel=1e-3)
    assert not np.allclose(wet, sound, atol=0.01)


def test_a_recorded_room_begins_at_its_direct_sound(tmp_path: Path):
    late = np.concatenate([np.zeros(500, np.float32), 0.5 * made_room(0.2, 0, np.random.default_rng(0))])
    assert recorded_room(late)[0] == late[500]
    write_wav(tmp_path / "hall.wav", late)
    options = ReverbOptions(probability=1, folder=str(tmp_path))
    assert delay(Reverb(options)(chirp(), np.random.default_rng(0)), chirp()) == 0
