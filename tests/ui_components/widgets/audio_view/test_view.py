import base64
import io

import numpy as np
import pytest
from PIL import Image

from qal.audio.analysis import analyse
from tests.sounds import sine, write_audio
from ui_components.widgets.audio_view.view import (
    encode_outline,
    encode_png,
    grey_levels,
    mel_position,
    resolution_note,
    view_data,
    view_html,
)


@pytest.mark.parametrize("hz", [250, 500, 1000, 2000, 4000])
def test_tone_is_brightest_at_the_label_of_its_frequency(tmp_path, hz):
    analysis = analyse(write_audio(tmp_path / "a.wav", sine(hz, 1, amplitude=0.5)))
    greys = grey_levels(analysis.mel)
    row = int(greys[:, 50].astype(float).argmax())
    assert 1 - (row + 0.5) / len(greys) == pytest.approx(mel_position(hz), abs=1.5 / len(greys))


def test_grey_levels_span_eighty_decibels_below_the_maximum():
    mel = np.array([[0.0, -8.0, -4.0, -20.0]], np.float32)
    assert grey_levels(mel).tolist() == [[255, 0, 128, 0]]


def test_png_decodes_to_the_same_grey_levels():
    greys = np.random.default_rng(0).integers(0, 256, (80, 50)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(greys)))), greys)


def test_outline_is_encoded_as_minimum_and_maximum_in_turn():
    assert (
        encode_outline(np.array([[-1.0, 0.0], [0.5, 2.0]], np.float32))
        == np.array([-127, 64, 0, 127], np.int8).tobytes()
    )


def test_view_data_has_outline_spectrogram_format_and_description(tmp_path):
    analysis = analyse(write_audio(tmp_path / "a.wav", sine(440, 1, amplitude=0.25)))
    value = view_data(analysis, "a tone", "gradio_api/file=/a.wav", details="From here.")
    assert len(base64.b64decode(value["outline"])) == 2 * analysis.outline.shape[1]
    assert value["mel"].startswith("data:image/png;base64,")
    assert value["full_scale"] == pytest.approx(0.25, abs=0.01)
    assert value["format"] == "16 kHz · one channel · WAV, pcm_s16le"
    assert value["details"] == "From here."
    assert "no speech" in value["aria_label"]


def test_long_file_has_a_note_on_spectrogram_resolution(tmp_path):
    analysis = analyse(write_audio(tmp_path / "a.wav", sine(440, 100)))
    assert analysis.mel.shape[1] <= 8001
    assert "one spectrogram column covers 0.02 s" in resolution_note(analysis)


def test_view_html_has_no_gradio_template_syntax():
    """Gradio would interpret braces, backticks and dollar signs."""
    for can_trim in (True, False):
        assert not set("`{}\\") & set(view_html("<Sound>", "empty & bare", can_trim))
        assert "${" not in view_html("a", "b", can_trim)
    assert "&lt;Sound&gt;" in view_html("<Sound>", "", True)
