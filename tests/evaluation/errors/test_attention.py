import sys

import numpy as np
import pytest

from qal.errors import EvaluationError
from qal.evaluation.errors import attention
from qal.evaluation.errors.attention import CrossAttention, compute_attention, read_attention, write_attention

ATTENTION = CrossAttention((" one", "ቃል"), np.array([[0.25, 0.75], [1, 0]], np.float32), 0.02)


def test_attention_is_read_as_it_was_written(tmp_path):
    write_attention(tmp_path / "a" / "attention.npz", ATTENTION)
    found = read_attention(tmp_path / "a" / "attention.npz")
    assert (found.tokens, found.position_s) == (ATTENTION.tokens, ATTENTION.position_s)
    assert np.array_equal(found.weights, ATTENTION.weights)


def test_damaged_attention_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no zip")
    for name in ("a.npz", "b.npz"):
        with pytest.raises(EvaluationError, match="compute the attention again"):
            read_attention(tmp_path / name)


def test_error_of_the_process_is_passed_on_as_its_sentence(tmp_path, monkeypatch):
    script = "import sys; print('a warning', file=sys.stderr); sys.exit('error: int8 weights cannot be used')"
    monkeypatch.setattr(attention, "COMMAND", (sys.executable, "-c", script))
    with pytest.raises(EvaluationError, match="could not be computed: int8 weights cannot be used"):
        compute_attention("base", tmp_path / "a.wav", "text", "en", tmp_path / "out.npz")


def test_process_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(attention, "COMMAND", (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(attention, "TIMEOUT_S", 0.2)
    with pytest.raises(EvaluationError, match="smaller model"):
        compute_attention("base", tmp_path / "a.wav", "text", "en", tmp_path / "out.npz")


def test_texts_are_no_options_of_the_command(tmp_path):
    command = attention.attention_command("base", tmp_path / "a.wav", "--help", "en", tmp_path / "o")
    assert "--text=--help" in command
