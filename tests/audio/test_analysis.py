import numpy as np
import pytest

from qal.audio.analysis import analyse
from qal.audio.decode import decode
from tests.sounds import sine, write_audio

PAD_S = 2.0


@pytest.fixture(scope="module")
def noisy_speech(english_corpus, tmp_path_factory):
    """An utterance between two pauses of PAD_S with faint noise: (file, duration of the utterance in seconds)."""
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s if r.duration_s < 8 else 0)
    voice = decode(english_corpus.audio_path(row))
    noise = np.random.default_rng(0).normal(0, 0.001, len(voice) + int(2 * PAD_S * 16_000)).astype(np.float32)
    noise[int(PAD_S * 16_000) :][: len(voice)] += voice
    return write_audio(tmp_path_factory.mktemp("speech") / "speech.wav", noise), len(voice) / 16_000


def test_analysis_finds_speech_intervals_and_snr(noisy_speech):
    path, voice_s = noisy_speech
    analysis = analyse(path)
    assert analysis.speech[0][0] == pytest.approx(PAD_S, abs=0.4)
    assert analysis.speech[-1][1] == pytest.approx(PAD_S + voice_s, abs=0.6)
    assert 0.1 < analysis.quality.speech_share < 0.9
    assert analysis.quality.duration_s == pytest.approx(voice_s + 2 * PAD_S, abs=1e-3)
    assert analysis.quality.snr_db is not None
    assert 20 < analysis.quality.snr_db < 60


def test_outline_and_mel_columns_cover_the_duration(noisy_speech):
    analysis = analyse(noisy_speech[0])
    assert analysis.outline.shape[1] * analysis.outline_s == pytest.approx(
        analysis.quality.duration_s, abs=analysis.outline_s
    )
    assert analysis.mel.shape[1] * analysis.mel_s == pytest.approx(analysis.quality.duration_s, abs=2 * analysis.mel_s)


def test_analysis_of_a_tone_has_native_rate_and_no_snr(tmp_path):
    analysis = analyse(write_audio(tmp_path / "a.wav", np.tile(sine(440, 2, 44_100, 0.5), (2, 1)), 44_100))
    assert (analysis.quality.rate_hz, analysis.quality.channels) == (44_100, 2)
    assert analysis.quality.peak_db == pytest.approx(-6.02, abs=0.05)
    assert analysis.quality.snr_db is None


def test_progress_reports_analysed_and_total_seconds(tmp_path):
    reports: list[tuple[float, float]] = []
    analyse(
        write_audio(tmp_path / "a.wav", sine(440, 12)),
        progress=lambda done_s, total_s: reports.append((done_s, total_s)),
    )
    assert reports == sorted(reports)
    assert reports[-1] == (pytest.approx(12), pytest.approx(12))
    assert 0 < reports[0][0] < reports[0][1] == pytest.approx(12)
