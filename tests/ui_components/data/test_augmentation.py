import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from augmentation.options import AugmentationOptions
from qal.audio.decode import decode
from qal.errors import OptionError
from tests.sounds import sine, write_audio
from ui_components.data import augmentation_actions as actions
from ui_components.data.strengths import (
    PRESETS,
    TRANSFORM_TITLES,
    StrengthField,
    preset_values,
    strength_fields,
    strength_input,
    transform_options,
)
from ui_components.widgets.audio_view.actions import AudioSelection
from ui_components.widgets.audio_view.served_audio import new_served_file

ROOT = Path(__file__).parents[3]
FORBIDDEN = {"torch", "audiomentations", "librosa", "numba"}
SCRIPT = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from ui_components.data import actions, augmentation_actions
from ui_components.data.corpora import FILTER_FIELDS, TableFilter
from ui_components.data.strengths import preset_values
from ui_components.app.page import studio_page
from ui_components.app.studio import Studio
studio = Studio(data=Path(sys.argv[1]))
studio_page(studio)
folder = actions.update_choices(studio, None).corpus.value
actions.refresh(studio, None, folder, 0, None, *(getattr(TableFilter(), name) for name in FILTER_FIELDS))
selection = actions.open_clip(studio, folder, SimpleNamespace(_data={"row": 0})).selection
on, strengths = preset_values("light")
note = augmentation_actions.compare(studio, selection, "light", "everything", True, 0, on, *strengths).note
print(json.dumps([note, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


def test_data_handlers_never_import_torch_or_audiomentations(tmp_path):
    from tests.sounds import tones_corpus

    tones_corpus(tmp_path / "tones", 3)
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    note, loaded = json.loads(result.stdout.splitlines()[-1])
    assert "Applied: level, noise, narrow band, tempo" in note
    assert not FORBIDDEN & set(loaded)


def augment(path: Path, seed: int, all_transforms: bool, preset: str = "light") -> tuple[np.ndarray, list[str]]:
    on, strengths = preset_values(preset)
    out = new_served_file("out.wav")
    options = transform_options(preset, on, strengths)
    names = actions.write_augmented(path, out, preset, options, all_transforms, seed, ())
    return decode(out), names


def test_augmentation_is_reproducible_by_seed(tmp_path):
    path = write_audio(tmp_path / "a.wav", sine(440, 0.5, amplitude=0.3))
    first, names = augment(path, 1, True)
    repeated, _ = augment(path, 1, True)
    different, _ = augment(path, 2, True)
    assert names == ["gain", "noise", "band", "tempo"]
    assert np.array_equal(first, repeated)
    assert len(first) != len(different) or not np.array_equal(first, different)


def test_random_sample_applies_different_transforms_by_seed(tmp_path):
    path = write_audio(tmp_path / "a.wav", sine(440, 0.5, amplitude=0.3))
    assert len({tuple(augment(path, seed, False)[1]) for seed in range(3)}) > 1


def test_comparison_uses_one_scale_and_masks_change_the_spectrogram(studio, tmp_path):
    selection = AudioSelection(write_audio(tmp_path / "a.wav", sine(440, 2, amplitude=0.3)), "a")
    on, strengths = preset_values("light")
    masked, plain = (
        actions.compare(studio, selection, "light", "everything", show_masks, 3, on, *strengths)
        for show_masks in (True, False)
    )
    assert masked.original
    assert masked.augmented
    assert plain.augmented
    assert masked.original["full_scale"] == masked.augmented["full_scale"]
    assert masked.original["url"] != masked.augmented["url"]
    assert masked.augmented["mel"] != plain.augmented["mel"]
    assert "masks" in masked.note
    assert masked.row.visible


def test_only_the_selected_range_is_augmented(studio, tmp_path):
    selection = AudioSelection(write_audio(tmp_path / "a.wav", sine(440, 3)), "a", start_s=1.0, end_s=1.5)
    on, strengths = preset_values("light")
    original = actions.compare(studio, selection, "light", "everything", False, 0, on, *strengths).original
    assert original
    assert original["duration_s"] == pytest.approx(0.5)


def test_augmentation_needs_a_clip(studio):
    on, strengths = preset_values("light")
    with pytest.raises(OptionError, match="choose a clip or a file first"):
        actions.compare(studio, None, "light", "everything", True, 0, on, *strengths)


@pytest.mark.parametrize("preset", PRESETS)
def test_unchanged_form_gives_the_presets_options(preset):
    on, strengths = preset_values(preset)
    options = AugmentationOptions.model_validate({"preset": preset, **transform_options(preset, on, strengths)})
    assert options.transforms == AugmentationOptions.model_validate({"preset": preset}).transforms


def test_transform_switched_off_has_probability_zero_and_a_new_one_above_zero():
    options = transform_options("light", ["clipping"], preset_values("light").strengths)
    assert options["gain"]["probability"] == 0
    assert 0 < options["clipping"]["probability"] <= 1


def test_invalid_strength_gives_one_error_sentence():
    on, strengths = preset_values("light")
    wrong: list[float] = list(strengths)
    wrong[strength_fields().index(StrengthField("noise", "max_snr_db"))] = -10.0
    with pytest.raises(OptionError, match="Noise: max_snr_db -10"):
        transform_options("light", on, wrong)
    with pytest.raises(OptionError, match="fill in every number"):
        transform_options("light", on, [None] * len(strengths))
    with pytest.raises(OptionError, match="choose a preset first"):
        transform_options("off", on, strengths)


def test_every_transform_has_a_title_and_every_strength_an_input():
    assert list(TRANSFORM_TITLES) == list(AugmentationOptions().transforms)
    assert all(strength_input(*field).label for field in strength_fields())
    assert {name for name, _ in strength_fields()} == set(TRANSFORM_TITLES)
