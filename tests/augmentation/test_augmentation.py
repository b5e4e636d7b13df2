import hashlib
import random
import subprocess
import sys
from pathlib import Path

import audiomentations as am
import numpy as np
import pytest

from augmentation.augmenter import Augmenter
from augmentation.options import PRESETS, AugmentationOptions
from augmentation.preview import write_wav
from augmentation.spec_augment import spec_augment
from augmentation.waveform import augment, pipeline
from qal.audio.samples import HOP, SAMPLE_RATE, WINDOW_SAMPLES
from tests.fakes import noise

ROOT = Path(__file__).parent.parent.parent
TONE = (0.3 * np.sin(np.arange(SAMPLE_RATE) / 10)).astype(np.float32)
SPEECH = np.concatenate([np.zeros(4000), TONE * np.hanning(len(TONE)), noise(4000) / 10]).astype(np.float32)
LONGER = {"speed", "tempo"}  # what may change the length
SWITCHES = tuple(AugmentationOptions().switches)
CLASSIC = AugmentationOptions(waveform=1.0)


def always(*names: str, **values) -> AugmentationOptions:
    return AugmentationOptions.model_validate(values).certainly(*names)


@pytest.fixture
def voices(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i}.wav" for i in range(3)]
    for i, path in enumerate(paths):
        write_wav(path, noise(SAMPLE_RATE // (i + 1), i))
    return paths


@pytest.mark.parametrize("name", SWITCHES)
def test_each_transform_alone_changes_the_sound_and_keeps_its_length(name: str, voices: list[Path]):
    augmenter = Augmenter(always(name), voices)
    changed = [augmenter.waveform(SPEECH, np.random.default_rng(seed)) for seed in range(4)]
    for altered in changed:
        assert altered.dtype == np.float32
        assert np.isfinite(altered).all()
        assert np.abs(altered).max() <= 1
        assert not np.array_equal(altered, SPEECH)
        low, high = (1 / 1.1, 1 / 0.9) if name in LONGER else (1, 1)
        assert low * len(SPEECH) - 2 * HOP <= len(altered) <= high * len(SPEECH) + 2 * HOP
        assert name in LONGER or len(altered) == len(SPEECH)
    assert any(len(a) != len(b) or not np.array_equal(a, b) for a in changed for b in changed) or name == "clipping"


@pytest.mark.parametrize("name", SWITCHES)
def test_what_is_switched_off_leaves_the_sound_alone(name: str):
    off = Augmenter(AugmentationOptions.model_validate({"preset": "off"}))
    assert not off.alters_sound
    assert off.waveform(SPEECH, np.random.default_rng(0)) is SPEECH
    assert off.options.switches[name].probability == 0


@pytest.mark.parametrize("options", [CLASSIC, always(*SWITCHES)], ids=["classic", "everything"])
def test_equal_draws_give_equal_sound_and_other_draws_other_sound(options: AugmentationOptions, voices: list[Path]):
    transform = pipeline(options, voices)
    a, b, c = (augment(TONE, transform, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert len(a) != len(c) or not np.array_equal(a, c)


def test_a_sound_depends_on_its_draw_and_not_on_the_order_or_the_process(voices: list[Path]):
    def altered(order: list[int]) -> dict[int, bytes]:
        augmenter = Augmenter(always(*SWITCHES), voices)
        return {row: augmenter.waveform(SPEECH, np.random.default_rng([0, 1, row])).tobytes() for row in order}

    assert altered([0, 1, 2]) == altered([2, 0, 1])
    code = (
        "import hashlib, sys, numpy as np; from pathlib import Path\n"
        "from tests.augmentation.test_augmentation import *\n"
        "a = Augmenter(always(*SWITCHES), [Path(p) for p in sys.argv[1:]])\n"
        "print(hashlib.sha256(a.waveform(SPEECH, np.random.default_rng([0, 1, 2])).tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code, *map(str, voices)]
    said = {subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert said == {hashlib.sha256(altered([2])[2]).hexdigest() + "\n"}


def test_the_global_generators_are_left_alone(voices: list[Path]):
    np.random.seed(3)
    random.seed(3)
    expected = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    augment(TONE, pipeline(always(*SWITCHES), voices), np.random.default_rng(0))
    assert (np.random.random(), random.random()) == expected


def test_the_sound_stays_in_range():
    assert np.abs(augment(TONE * 3, pipeline(CLASSIC), np.random.default_rng(0))).max() <= 1


def test_nothing_grows_beyond_the_window():
    slow = pipeline(always("speed", "tempo", speed={"max_rate": 1}, tempo={"max_rate": 1}))
    whole = noise(WINDOW_SAMPLES - 10)
    assert all(len(augment(whole, slow, np.random.default_rng(s))) <= WINDOW_SAMPLES for s in range(2))


@pytest.mark.parametrize("waveform", [0.3, 1.0])
def test_old_settings_mean_what_they_meant_to_the_bit(waveform: float):
    """The pipeline as it was when `waveform` was all there was."""
    old = am.Compose(
        [
            am.Gain(min_gain_db=-12, max_gain_db=6, p=waveform),
            am.AddColorNoise(min_snr_db=8, max_snr_db=35, p=waveform),
            am.BandPassFilter(
                min_center_freq=800,
                max_center_freq=3000,
                min_bandwidth_fraction=1.2,
                max_bandwidth_fraction=1.9,
                p=waveform / 2,
            ),
            am.TimeStretch(min_rate=0.9, max_rate=1.1, leave_length_unchanged=False, p=waveform / 2),
        ]
    )
    new = pipeline(AugmentationOptions(waveform=waveform))
    for seed in range(8):
        before, after = (augment(SPEECH, p, np.random.default_rng(seed)) for p in (old, new))
        assert np.array_equal(before, after)


def test_the_defaults_are_what_they_were():
    assert AugmentationOptions() == AugmentationOptions(waveform=0.5)
    probabilities = {name: s.probability for name, s in AugmentationOptions().switches.items() if s.probability}
    assert probabilities == {"gain": 0.5, "noise": 0.5, "band": 0.25, "tempo": 0.25}
    assert AugmentationOptions().time_masks == AugmentationOptions().frequency_masks == 2


@pytest.mark.parametrize("preset", ["off", *PRESETS])
def test_a_preset_loads_survives_saving_and_gives_way_to_what_is_beside_it(preset: str):
    options = AugmentationOptions.model_validate({"preset": preset})
    assert AugmentationOptions.model_validate(options.model_dump(mode="json")) == options
    beside = AugmentationOptions.model_validate({"preset": preset, "gain": {"probability": 0.125}, "time_masks": 7})
    assert (beside.gain.probability, beside.time_masks) == (0.125, 7)
    assert beside.model_copy(update={"gain": options.gain, "time_masks": options.time_masks}) == options


def test_a_value_of_a_group_keeps_the_presets_others():
    options = AugmentationOptions.model_validate({"preset": "strong", "background": {"folder": "noises"}})
    assert options.background.probability == PRESETS["strong"]["background"]["probability"]
    assert options.folders == ["noises"]


@pytest.mark.parametrize(
    "values",
    [{"waveform": 2}, {"preset": "loud"}, {"preset": []}, {"gain": {"min_gain_db": 3, "max_gain_db": 1}}, {"hiss": 1}],
    ids=str,
)
def test_a_wrong_value_is_refused(values: dict):
    with pytest.raises(ValueError, match=next(iter(values))):
        AugmentationOptions.model_validate(values)


def test_masks_lie_in_the_speech_and_the_original_is_kept():
    mel = np.random.default_rng(0).normal(size=(80, 400)).astype(np.float32)
    kept = mel.copy()
    masked = spec_augment(mel, np.random.default_rng(1), 3, 0.2, 0, 0, speech_frames=200)
    assert np.array_equal(mel, kept)
    assert not np.array_equal(masked[:, :200], mel[:, :200])
    assert np.array_equal(masked[:, 200:], mel[:, 200:])
