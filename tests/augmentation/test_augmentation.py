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
from augmentation.spec_augment import spec_augment
from augmentation.waveform import augment, build_pipeline
from qal.audio.blocks import write_wav
from qal.audio.samples import HOP, SAMPLE_RATE, WINDOW_SAMPLES
from tests.fakes import noise

ROOT = Path(__file__).parent.parent.parent
TONE = (0.3 * np.sin(np.arange(SAMPLE_RATE) / 10)).astype(np.float32)
SPEECH = np.concatenate([np.zeros(4000), TONE * np.hanning(len(TONE)), noise(4000) / 10]).astype(np.float32)
LENGTH_CHANGING = {"speed", "tempo"}
TRANSFORMS = tuple(AugmentationOptions().transforms)
WAVEFORM_OPTION = AugmentationOptions(waveform=1.0)


def always(*names: str, **values) -> AugmentationOptions:
    return AugmentationOptions.model_validate(values).with_only(*names)


@pytest.fixture
def babble_paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i}.wav" for i in range(3)]
    for i, path in enumerate(paths):
        write_wav(path, noise(SAMPLE_RATE // (i + 1), i))
    return paths


@pytest.mark.parametrize("name", TRANSFORMS)
def test_each_transform_changes_the_samples_and_keeps_the_length(name: str, babble_paths: list[Path]):
    augmenter = Augmenter(always(name), babble_paths)
    results = [augmenter.augment_waveform(SPEECH, np.random.default_rng(seed)) for seed in range(4)]
    for altered in results:
        assert altered.dtype == np.float32
        assert np.isfinite(altered).all()
        assert np.abs(altered).max() <= 1
        assert not np.array_equal(altered, SPEECH)
        low, high = (1 / 1.1, 1 / 0.9) if name in LENGTH_CHANGING else (1, 1)
        assert low * len(SPEECH) - 2 * HOP <= len(altered) <= high * len(SPEECH) + 2 * HOP
        assert name in LENGTH_CHANGING or len(altered) == len(SPEECH)
    assert any(len(a) != len(b) or not np.array_equal(a, b) for a in results for b in results) or name == "clipping"


@pytest.mark.parametrize("name", TRANSFORMS)
def test_preset_off_returns_the_same_samples(name: str):
    off = Augmenter(AugmentationOptions.model_validate({"preset": "off"}))
    assert not off.alters_waveform
    assert off.augment_waveform(SPEECH, np.random.default_rng(0)) is SPEECH
    assert off.options.transforms[name].probability == 0


@pytest.mark.parametrize("options", [WAVEFORM_OPTION, always(*TRANSFORMS)], ids=["waveform option", "all transforms"])
def test_equal_seeds_give_equal_samples_and_different_seeds_differ(
    options: AugmentationOptions, babble_paths: list[Path]
):
    transform = build_pipeline(options, babble_paths)
    a, b, c = (augment(TONE, transform, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert len(a) != len(c) or not np.array_equal(a, c)


def test_samples_do_not_depend_on_call_order_or_process(babble_paths: list[Path]):
    def altered(order: list[int]) -> dict[int, bytes]:
        augmenter = Augmenter(always(*TRANSFORMS), babble_paths)
        return {i: augmenter.augment_waveform(SPEECH, np.random.default_rng([0, 1, i])).tobytes() for i in order}

    assert altered([0, 1, 2]) == altered([2, 0, 1])
    code = (
        "import hashlib, sys, numpy as np; from pathlib import Path\n"
        "from tests.augmentation.test_augmentation import *\n"
        "a = Augmenter(always(*TRANSFORMS), [Path(p) for p in sys.argv[1:]])\n"
        "print(hashlib.sha256(a.augment_waveform(SPEECH, np.random.default_rng([0, 1, 2])).tobytes()).hexdigest())"
    )
    command = [sys.executable, "-c", code, *map(str, babble_paths)]
    hashes = {subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert hashes == {hashlib.sha256(altered([2])[2]).hexdigest() + "\n"}


def test_global_random_state_is_restored(babble_paths: list[Path]):
    np.random.seed(3)
    random.seed(3)
    expected = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    augment(TONE, build_pipeline(always(*TRANSFORMS), babble_paths), np.random.default_rng(0))
    assert (np.random.random(), random.random()) == expected


def test_augmented_samples_stay_in_range():
    assert np.abs(augment(TONE * 3, build_pipeline(WAVEFORM_OPTION), np.random.default_rng(0))).max() <= 1


def test_no_transform_lengthens_audio_beyond_the_window():
    slow = build_pipeline(always("speed", "tempo", speed={"max_rate": 1}, tempo={"max_rate": 1}))
    samples = noise(WINDOW_SAMPLES - 10)
    assert all(len(augment(samples, slow, np.random.default_rng(s))) <= WINDOW_SAMPLES for s in range(2))


@pytest.mark.parametrize("waveform", [0.3, 1.0])
def test_waveform_option_keeps_the_results_of_old_configs(waveform: float):
    """`old` is the pipeline of versions that had no other option than `waveform`."""
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
    new = build_pipeline(AugmentationOptions(waveform=waveform))
    for seed in range(8):
        before, after = (augment(SPEECH, p, np.random.default_rng(seed)) for p in (old, new))
        assert np.array_equal(before, after)


def test_default_options_equal_waveform_one_half():
    assert AugmentationOptions() == AugmentationOptions(waveform=0.5)
    probabilities = {name: s.probability for name, s in AugmentationOptions().transforms.items() if s.probability}
    assert probabilities == {"gain": 0.5, "noise": 0.5, "band": 0.25, "tempo": 0.25}
    assert AugmentationOptions().time_masks == AugmentationOptions().frequency_masks == 2


@pytest.mark.parametrize("preset", ["off", *PRESETS])
def test_preset_loads_saves_and_is_overridden_by_settings(preset: str):
    options = AugmentationOptions.model_validate({"preset": preset})
    assert AugmentationOptions.model_validate(options.model_dump(mode="json")) == options
    overridden = AugmentationOptions.model_validate({"preset": preset, "gain": {"probability": 0.125}, "time_masks": 7})
    assert (overridden.gain.probability, overridden.time_masks) == (0.125, 7)
    assert overridden.model_copy(update={"gain": options.gain, "time_masks": options.time_masks}) == options


def test_overriding_one_field_keeps_the_presets_other_fields():
    options = AugmentationOptions.model_validate({"preset": "strong", "background": {"folder": "noises"}})
    assert options.background.probability == PRESETS["strong"]["background"]["probability"]
    assert options.folders == ["noises"]


@pytest.mark.parametrize(
    "values",
    [{"waveform": 2}, {"preset": "loud"}, {"preset": []}, {"gain": {"min_gain_db": 3, "max_gain_db": 1}}, {"hiss": 1}],
    ids=str,
)
def test_invalid_augmentation_options_are_refused(values: dict):
    with pytest.raises(ValueError, match=next(iter(values))):
        AugmentationOptions.model_validate(values)


def test_time_masks_lie_in_the_speech_and_do_not_change_the_original():
    mel = np.random.default_rng(0).normal(size=(80, 400)).astype(np.float32)
    original = mel.copy()
    masked = spec_augment(mel, np.random.default_rng(1), 3, 0.2, 0, 0, speech_frames=200)
    assert np.array_equal(mel, original)
    assert not np.array_equal(masked[:, :200], mel[:, :200])
    assert np.array_equal(masked[:, 200:], mel[:, 200:])
