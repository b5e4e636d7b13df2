import base64
import io

import numpy as np
import pytest
from PIL import Image

from qal.audio.analysis import survey
from tests.sounds import sine, write
from ui_components.widgets.audio_view.view import brightness, limit, mel_share, packed, png, shown, sound_html


@pytest.mark.parametrize("hz", [250, 500, 1000, 2000, 4000])
def test_a_tone_is_brightest_at_its_label(tmp_path, hz):
    found = survey(write(tmp_path / "a.wav", sine(hz, 1, amplitude=0.5)))
    greys = brightness(found.mel)
    row = int(greys[:, 50].astype(float).argmax())
    assert 1 - (row + 0.5) / len(greys) == pytest.approx(mel_share(hz), abs=1.5 / len(greys))


def test_the_loudest_is_white_and_eighty_decibels_below_it_is_black():
    mel = np.array([[0.0, -8.0, -4.0, -20.0]], np.float32)
    assert brightness(mel).tolist() == [[255, 0, 128, 0]]


def test_a_picture_comes_back_from_its_png():
    greys = np.random.default_rng(0).integers(0, 256, (80, 50)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(greys)))), greys)


def test_the_outline_is_lowest_and_highest_by_turns():
    assert packed(np.array([[-1.0, 0.0], [0.5, 2.0]], np.float32)) == np.array([-127, 64, 0, 127], np.int8).tobytes()


def test_what_is_shown_can_be_drawn_and_played(tmp_path):
    found = survey(write(tmp_path / "a.wav", sine(440, 1, amplitude=0.25)))
    value = shown(found, "a tone", "gradio_api/file=/a.wav", told="From here.")
    assert len(base64.b64decode(value["outline"])) == 2 * found.outline.shape[1]
    assert value["mel"].startswith("data:image/png;base64,")
    assert value["loudest"] == pytest.approx(0.25, abs=0.01)
    assert value["about"] == "16 kHz · one channel · WAV, pcm_s16le"
    assert value["told"] == "From here."
    assert "no speech" in value["spoken"]


def test_a_coarser_picture_says_so(tmp_path):
    found = survey(write(tmp_path / "a.wav", sine(440, 100)))
    assert found.mel.shape[1] <= 8001
    assert "a column of the spectrogram stands for 0.02 s" in limit(found)


def test_the_page_is_given_no_template_of_its_own():
    """Gradio reads a template's braces, backticks and dollars."""
    for trims in (True, False):
        assert not set("`{}\\") & set(sound_html("<Sound>", "empty & bare", trims))
        assert "${" not in sound_html("a", "b", trims)
    assert "&lt;Sound&gt;" in sound_html("<Sound>", "", True)
