import numpy as np
import pytest

from qal.cli.subcommands.evaluation_attention import AttentionOptions, attention_of
from qal.errors import EvaluationError
from tests.sounds import write_audio


def test_attention_needs_a_text_and_a_short_recording(tmp_path):
    write_audio(tmp_path / "short.wav", np.full(16_000, 0.1, np.float32))
    write_audio(tmp_path / "long.wav", np.full(31 * 16_000, 0.1, np.float32))
    for name, text, problem in (("short.wav", " ", "the text is empty"), ("long.wav", "text", "longer than 30 s")):
        with pytest.raises(EvaluationError, match=problem):
            attention_of(AttentionOptions(model="base-adaptive", audio=tmp_path / name, text=text))


@pytest.mark.long
def test_attention_follows_the_audio(english_corpus):
    row = next(r for r in english_corpus.select("test") if 2 < r.duration_s < 8)
    options = AttentionOptions(model="base-adaptive", audio=english_corpus.audio_path(row), text=row.text)
    found = attention_of(options)
    assert len(found.tokens) == len(found.weights)
    assert np.allclose(found.weights.sum(1), 1, atol=1e-4)
    peaks_s = found.weights.argmax(1) * found.position_s
    assert np.corrcoef(peaks_s, np.arange(len(peaks_s)))[0, 1] > 0.8
