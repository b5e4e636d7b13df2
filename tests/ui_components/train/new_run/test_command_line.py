"""The command line and the YAML of the form parse to exactly the settings that Start saves."""

import math
import random
import shlex
from pathlib import Path
from typing import Any

import pytest

from qal.cli.train_arguments import parse_train_arguments
from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import as_yaml, check_config, load_config, merge_settings, read_settings, save_config
from qal.resources import CONFIGS
from ui_components.train.new_run.command_line import command_line, overrides, train_arguments
from ui_components.train.new_run.settings import ALL_SETTINGS, SETTINGS_BY_NAME
from ui_components.widgets.forms import Setting, nested

PRESETS = sorted(CONFIGS.glob("*.yaml"))
TEXTS = ["data/a", "data/it's here", "/srv/ቃል", "no", "data/null", "1e5", "true", "[x]", "-x", "a: b", "data/#1"]
SEEDS = range(60)


def limits(setting: Setting) -> tuple[float, float]:
    """The lowest and the highest valid value of a number."""
    low, high = 0.0, 50.0
    for metadata in setting.field.metadata:
        low = getattr(metadata, "ge", getattr(metadata, "gt", low)) + (1e-6 if hasattr(metadata, "gt") else 0)
    for metadata in setting.field.metadata:
        high = getattr(metadata, "le", getattr(metadata, "lt", high)) - (1e-6 if hasattr(metadata, "lt") else 0)
    return low, high


def random_value(setting: Setting, rng: random.Random) -> Any:
    """A value that is valid for the field by itself."""
    if setting.optional and rng.random() < 0.2:
        return None
    low, high = limits(setting)
    match setting.kind:
        case "switch":
            return rng.random() < 0.5
        case "choice":
            return rng.choice(setting.choices)
        case "choices":
            return rng.sample(setting.choices, rng.randint(1, len(setting.choices)))
        case "integer":
            return rng.randint(math.ceil(low), math.floor(high))
        case "number":
            return rng.choice([rng.uniform(low, high), low, high, low + (high - low) * 10 ** rng.uniform(-7, 0)])
        case "text":
            return rng.choice(TEXTS)
        case "lines":
            return rng.choice([rng.choice(TEXTS), rng.sample(TEXTS, rng.randint(0, 3))])
        case _:
            return {}


def random_config(file_settings: dict[str, Any], rng: random.Random) -> TrainingConfig:
    """The settings of a file with up to twelve random changes; changes that contradict others are skipped."""
    config = check_config(file_settings, "")
    for setting in rng.sample(ALL_SETTINGS, rng.randint(0, 12)):
        values = config.model_dump()
        *groups, last = setting.name.split(".")
        group = values
        for name in groups:
            group = group[name]
        group[last] = random_value(setting, rng)
        if setting.name == "corpus" and group[last]:
            corpora = [group[last]] if isinstance(group[last], str) else group[last]
            values["corpus_weights"] = {corpus: rng.choice([1, 2.0, 0.25]) for corpus in corpora}
        try:
            config = check_config(values, "")
        except OptionError:
            continue
    return config


def config_or_none(file_settings: dict[str, Any], changes: dict[str, Any]) -> TrainingConfig | None:
    """The settings of a file with changes; None if they are not valid."""
    try:
        return check_config(merge_settings(TrainingConfig, file_settings, nested(changes)), "")
    except OptionError:
        return None


@pytest.mark.parametrize("seed", SEEDS)
def test_command_line_and_yaml_parse_to_the_saved_config(seed: int, tmp_path: Path):
    rng = random.Random(seed)
    file = rng.choice(PRESETS)
    config = random_config(read_settings(file), rng)
    shown = command_line(train_arguments(config, file, read_settings(file), Path("my runs")))
    program, command, *words = shlex.split(shown)
    parsed = parse_train_arguments(f"{program} {command}", "", words)
    assert (program, command, parsed.config, parsed.runs) == ("qal", "train", config, Path("my runs"))
    assert "\n" not in shown
    (tmp_path / "shown.yaml").write_text(as_yaml(config), encoding="utf-8")
    save_config(config, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "shown.yaml") == config
    assert (tmp_path / "shown.yaml").read_text() == (tmp_path / "saved.yaml").read_text()


@pytest.mark.parametrize("seed", SEEDS)
def test_each_override_is_needed(seed: int):
    rng = random.Random(seed)
    file_settings = read_settings(rng.choice(PRESETS))
    config = random_config(file_settings, rng)
    changes = overrides(config, file_settings)
    assert changes.keys() <= SETTINGS_BY_NAME.keys()
    if set(changes) != set(SETTINGS_BY_NAME):
        for name in changes.keys() - {"augmentation.preset"}:
            assert config_or_none(file_settings, {n: v for n, v in changes.items() if n != name}) != config


def test_command_line_has_only_the_settings_that_differ_from_the_file():
    file = CONFIGS / "quick.yaml"
    config = load_config(file).model_copy(update={"corpus": "data/x", "learning_rate": 1e-4})
    shown = command_line(train_arguments(config, file, read_settings(file), Path("runs")))
    assert shown == "qal train --config configs/quick.yaml --corpus data/x --learning_rate 0.0001"


def test_augmentation_preset_replaces_overrides_of_its_transforms():
    file_settings = read_settings(CONFIGS / "quick.yaml")
    augmentation = {"preset": "strong", "gain": {"probability": 0.1}}
    config = check_config({**file_settings, "augmentation": augmentation}, "")
    changes = {"augmentation.preset": "strong", "augmentation.gain.probability": 0.1}
    assert overrides(config, file_settings) == changes


def test_config_file_outside_the_working_directory_has_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = CONFIGS / "quick.yaml"
    config = load_config(file).model_copy(update={"corpus": ["data/x"]})
    shown = command_line(train_arguments(config, file, read_settings(file), Path("runs")))
    assert shown == f"qal train --config {file} --corpus '[\"data/x\"]'"
