import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.engine.words import Word
from qal.evaluation.errors.attention import CrossAttention
from ui_components.evaluate.errors.sound_figures import Lane, attention_figure, log_mel_of, word_alignment_figure

SAMPLES = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)


def test_words_are_drawn_from_their_start_to_their_end_below_the_spectrogram():
    lanes = [Lane("reference", [Word(" <b>", 0.5, 1.0, 1.0)]), Lane("transcript", [Word("b", 0.4, 1.2, 0.0)])]
    figure = word_alignment_figure(SAMPLES, lanes)
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(0.5, 1.0), (0.4, 1.2)]
    assert all(shape.y1 <= 0 for shape in figure.layout.shapes)
    assert figure.data[0].text == ("&lt;b&gt;",)
    assert figure.layout.shapes[0].opacity > figure.layout.shapes[1].opacity
    (picture,) = figure.layout.images
    assert picture.source.startswith("data:image/png;base64,")
    assert picture.sizex == pytest.approx(2.01)


def test_spectrogram_has_a_bounded_number_of_columns():
    assert log_mel_of(np.tile(SAMPLES, 15)).shape[1] <= 1500


def test_attention_of_each_token_is_scaled_to_its_maximum():
    attention = CrossAttention(("a", "<b>"), np.array([[0.2, 0.8], [0.0, 0.0]], np.float32), 0.02)
    figure = attention_figure(attention, duration_s=1.0)
    (heatmap,) = figure.data
    assert np.allclose(heatmap.z, [[0.25, 1], [0, 0]])
    assert tuple(heatmap.x) == (0.01, 0.03)
    assert figure.layout.yaxis.ticktext == ("a", "&lt;b&gt;")
