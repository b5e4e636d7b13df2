import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from augmentation.options import AugmentationOptions
from qal.audio.decode import decode
from qal.errors import OptionError
from tests.sounds import sine, write
from ui_components.data import augmentation_actions as actions
from ui_components.data.strengths import NAMES, PRESETS, of_preset, strength_fields, strength_input, switches_of
from ui_components.widgets.audio_view.actions import Sound
from ui_components.widgets.audio_view.served_audio import made_file

ROOT = Path(__file__).parents[3]
FORBIDDEN = {"torch", "audiomentations", "librosa", "numba"}
VISIT = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from ui_components.data import actions, augmentation_actions
from ui_components.data.strengths import of_preset
from ui_components.app.page import studio_page
from ui_components.app.studio import Studio
studio = Studio(data=Path(sys.argv[1]))
studio_page(studio)
folder = actions.offer(studio, None)[0].value
actions.another(studio, folder)
_, _, sound = actions.pick(studio, folder, SimpleNamespace(_data={"row": 0}))
on, strengths = of_preset("light")
note = augmentation_actions.compare(studio, sound, "light", "everything", True, 0, on, *strengths)[2]
print(json.dumps([note, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


def test_the_tab_brings_nothing_heavy_into_the_pages_process(tmp_path):
    from tests.sounds import tones_corpus

    tones_corpus(tmp_path / "tones", 3)
    command = [sys.executable, "-c", VISIT, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    note, loaded = json.loads(done.stdout.splitlines()[-1])
    assert "Applied: level, noise, narrow band, tempo" in note
    assert not FORBIDDEN & set(loaded)


def drawn(path: Path, seed: int, everything: bool, preset: str = "light") -> tuple[np.ndarray, list[str]]:
    on, strengths = of_preset(preset)
    out = made_file("out.wav")
    names = actions.draw(path, out, preset, switches_of(preset, on, strengths), everything, seed, ())
    return decode(out), names


def test_a_draw_can_be_drawn_again_and_another_one_differs(tmp_path):
    path = write(tmp_path / "a.wav", sine(440, 0.5, amplitude=0.3))
    (first, names), (again, _), (other, _) = drawn(path, 1, True), drawn(path, 1, True), drawn(path, 2, True)
    assert names == ["gain", "noise", "band", "tempo"]
    assert np.array_equal(first, again)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_a_draw_as_in_training_leaves_some_out(tmp_path):
    path = write(tmp_path / "a.wav", sine(440, 0.5, amplitude=0.3))
    assert len({tuple(drawn(path, seed, False)[1]) for seed in range(3)}) > 1


def test_both_are_drawn_to_one_scale_and_the_masks_hide_a_part(studio, tmp_path):
    sound = Sound(write(tmp_path / "a.wav", sine(440, 2, amplitude=0.3)), "a")
    on, strengths = of_preset("light")
    shown = [actions.compare(studio, sound, "light", "everything", masks, 3, on, *strengths) for masks in (True, False)]
    (original, altered, note, both), (_, plain, *_) = shown
    assert original
    assert altered
    assert plain
    assert original["loudest"] == altered["loudest"]
    assert original["url"] != altered["url"]
    assert altered["mel"] != plain["mel"]
    assert "masks" in note
    assert both.visible


def test_only_the_chosen_stretch_is_altered(studio, tmp_path):
    sound = Sound(write(tmp_path / "a.wav", sine(440, 3)), "a", start_s=1.0, end_s=1.5)
    on, strengths = of_preset("light")
    original = actions.compare(studio, sound, "light", "everything", False, 0, on, *strengths)[0]
    assert original
    assert original["duration_s"] == pytest.approx(0.5)


def test_without_a_sound_there_is_nothing_to_alter(studio):
    on, strengths = of_preset("light")
    with pytest.raises(OptionError, match="choose a row or a file first"):
        actions.compare(studio, None, "light", "everything", True, 0, on, *strengths)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_left_as_it_is_means_itself(preset):
    on, strengths = of_preset(preset)
    given = AugmentationOptions.model_validate({"preset": preset, **switches_of(preset, on, strengths)})
    assert given.switches == AugmentationOptions.model_validate({"preset": preset}).switches


def test_a_transform_that_is_taken_off_never_happens_and_a_new_one_may():
    switches = switches_of("light", ["clipping"], of_preset("light")[1])
    assert switches["gain"]["probability"] == 0
    assert 0 < switches["clipping"]["probability"] <= 1


def test_a_strength_that_cannot_be_is_one_sentence():
    on, strengths = of_preset("light")
    wrong: list[float] = list(strengths)
    wrong[strength_fields().index(("noise", "max_snr_db"))] = -10.0
    with pytest.raises(OptionError, match="Noise: max_snr_db -10"):
        switches_of("light", on, wrong)
    with pytest.raises(OptionError, match="fill in every number"):
        switches_of("light", on, [None] * len(strengths))
    with pytest.raises(OptionError, match="choose a preset first"):
        switches_of("off", on, strengths)


def test_every_transform_has_a_name_and_every_strength_a_field():
    assert list(NAMES) == list(AugmentationOptions().switches)
    assert all(strength_input(*field).label for field in strength_fields())
    assert {name for name, _ in strength_fields()} == set(NAMES)
