"""The command line and the YAML that the form shows make exactly the settings that Start would save."""

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
from ui_components.train.new_run.command_line import arguments, command_line, overrides
from ui_components.train.new_run.settings import ALL, BY_NAME
from ui_components.widgets.forms import Setting, nested

PRESETS = sorted(CONFIGS.glob("*.yaml"))
TEXTS = ["data/a", "data/it's here", "/srv/ቃል", "no", "data/null", "1e5", "true", "[x]", "-x", "a: b", "data/#1"]
SEEDS = range(60)


def limits(setting: Setting) -> tuple[float, float]:
    """Lowest and highest right value."""
    low, high = 0.0, 50.0
    for metadata in setting.field.metadata:
        low = getattr(metadata, "ge", getattr(metadata, "gt", low)) + (1e-6 if hasattr(metadata, "gt") else 0)
    for metadata in setting.field.metadata:
        high = getattr(metadata, "le", getattr(metadata, "lt", high)) - (1e-6 if hasattr(metadata, "lt") else 0)
    return low, high


def drawn(setting: Setting, rng: random.Random) -> Any:
    """A right value for the field alone."""
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


def random_config(below: dict[str, Any], rng: random.Random) -> TrainingConfig:
    """The file's settings with some others; drawn again where they do not go together."""
    while True:
        config = check_config(below, "")
        for setting in rng.sample(ALL, rng.randint(0, 12)):
            values = config.model_dump()
            *groups, last = setting.name.split(".")
            group = values
            for name in groups:
                group = group[name]
            group[last] = drawn(setting, rng)
            if setting.name == "corpus" and group[last]:
                values["corpus_weights"] = {c: rng.choice([1, 2.0, 0.25]) for c in listed(group[last])}
            try:
                config = check_config(values, "")
            except OptionError:
                continue
        return config


def listed(corpora: str | list[str]) -> list[str]:
    return [corpora] if isinstance(corpora, str) else corpora


@pytest.mark.parametrize("seed", SEEDS)
def test_the_command_line_and_the_yaml_make_what_is_saved(seed: int, tmp_path: Path):
    rng = random.Random(seed)
    file = rng.choice(PRESETS)
    config = random_config(read_settings(file), rng)
    shown = command_line(arguments(config, file, read_settings(file), Path("my runs")))
    program, command, *words = shlex.split(shown)
    asked = parse_train_arguments(f"{program} {command}", "", words)
    assert (program, command, asked.config, asked.runs) == ("qal", "train", config, Path("my runs"))
    assert "\n" not in shown
    (tmp_path / "shown.yaml").write_text(as_yaml(config), encoding="utf-8")
    save_config(config, tmp_path / "saved.yaml")
    assert load_config(tmp_path / "shown.yaml") == config
    assert (tmp_path / "shown.yaml").read_text() == (tmp_path / "saved.yaml").read_text()


@pytest.mark.parametrize("seed", SEEDS)
def test_no_argument_is_there_in_vain(seed: int):
    """Left out, each of them would make another config, or none."""
    rng = random.Random(seed)
    below = read_settings(rng.choice(PRESETS))
    config = random_config(below, rng)
    given = overrides(config, below)
    assert given.keys() <= BY_NAME.keys()
    if set(given) != set(BY_NAME):
        for name in given.keys() - {"augmentation.preset"}:
            assert made(below, {n: v for n, v in given.items() if n != name}) != config


def made(below: dict[str, Any], given: dict[str, Any]) -> TrainingConfig | None:
    try:
        return check_config(merge_settings(TrainingConfig, below, nested(given)), "")
    except OptionError:
        return None


def test_only_what_differs_is_said():
    config = load_config(CONFIGS / "quick.yaml").model_copy(update={"corpus": "data/x", "learning_rate": 1e-4})
    below = read_settings(CONFIGS / "quick.yaml")
    said = command_line(arguments(config, CONFIGS / "quick.yaml", below, Path("runs")))
    assert said == ("qal train --config configs/quick.yaml --corpus data/x --learning_rate 0.0001")


def test_another_augmentation_brings_its_values_along():
    below = read_settings(CONFIGS / "quick.yaml")
    config = check_config({**below, "augmentation": {"preset": "strong", "gain": {"probability": 0.1}}}, "")
    assert overrides(config, below) == {"augmentation.preset": "strong", "augmentation.gain.probability": 0.1}


def test_command_line_names_paths_from_the_folder_the_server_was_started_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = CONFIGS / "quick.yaml"
    config = load_config(file).model_copy(update={"corpus": ["data/x"]})
    said = command_line(arguments(config, file, read_settings(file), Path("runs")))
    assert said == f"qal train --config {file} --corpus '[\"data/x\"]'"
