import numpy as np
import pytest

from qal.audio.analysis import survey
from qal.audio.decode import decode
from tests.sounds import sine, write

PAD_S = 2.0


@pytest.fixture(scope="module")
def spoken(english_corpus, tmp_path_factory):
    """Two seconds of faint noise, an utterance, two seconds of faint noise -> (file, seconds of the utterance)"""
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s if r.duration_s < 8 else 0)
    voice = decode(english_corpus.audio_path(row))
    noise = np.random.default_rng(0).normal(0, 0.001, len(voice) + int(2 * PAD_S * 16_000)).astype(np.float32)
    noise[int(PAD_S * 16_000) :][: len(voice)] += voice
    return write(tmp_path_factory.mktemp("spoken") / "spoken.wav", noise), len(voice) / 16_000


def test_speech_is_marked_where_it_is(spoken):
    path, voice_s = spoken
    found = survey(path)
    assert found.speech[0][0] == pytest.approx(PAD_S, abs=0.4)
    assert found.speech[-1][1] == pytest.approx(PAD_S + voice_s, abs=0.6)
    assert 0.1 < found.quality.speech_share < 0.9
    assert found.quality.duration_s == pytest.approx(voice_s + 2 * PAD_S, abs=1e-3)
    assert found.quality.snr_db is not None
    assert 20 < found.quality.snr_db < 60


def test_the_picture_is_as_long_as_the_sound(spoken):
    found = survey(spoken[0])
    assert found.outline.shape[1] * found.outline_s == pytest.approx(found.quality.duration_s, abs=found.outline_s)
    assert found.mel.shape[1] * found.mel_s == pytest.approx(found.quality.duration_s, abs=2 * found.mel_s)


def test_a_tone_is_no_speech_and_its_rate_is_its_own(tmp_path):
    found = survey(write(tmp_path / "a.wav", np.tile(sine(440, 2, 44_100, 0.5), (2, 1)), 44_100))
    assert (found.quality.rate_hz, found.quality.channels) == (44_100, 2)
    assert found.quality.peak_db == pytest.approx(-6.02, abs=0.05)
    assert found.quality.snr_db is None


def test_whoever_waits_is_told_how_far_it_is(tmp_path):
    told: list[tuple[float, float]] = []
    survey(write(tmp_path / "a.wav", sine(440, 12)), progress=lambda done_s, said_s: told.append((done_s, said_s)))
    assert told == sorted(told)
    assert told[-1] == (pytest.approx(12), pytest.approx(12))
    assert 0 < told[0][0] < told[0][1] == pytest.approx(12)
