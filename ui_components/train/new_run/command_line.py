"""The command line that makes a run's settings of a file of settings, and says no more than in what they differ."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from errors import OptionError
from training.command_line import merged
from training.config import TrainingConfig
from training.config_file import check_config
from ui_components.forms import nested, value_of
from ui_components.root import ROOT, from_root
from ui_components.train.settings import ALL

SCRIPT = "train_whisper_lightning.py"
PRESET = "augmentation.preset"  # it fills its neighbours, so it is given first


def leaves(config: TrainingConfig) -> dict[str, Any]:
    """Every setting by its name."""
    return {setting.name: value_of(config, setting.name) for setting in ALL}


def overrides(config: TrainingConfig, below: dict[str, Any]) -> dict[str, Any]:
    """Settings by name that, given beside the file's values `below`, make the config: as few as possible."""
    wanted, given = leaves(config), {}
    try:
        if check_config(below, "").augmentation.preset != config.augmentation.preset:
            given[PRESET] = config.augmentation.preset
        start = leaves(check_config(merged(TrainingConfig, below, nested(given)), ""))
    except OptionError:  # the file is not right on its own, or its sounds do not go with the new preset
        return wanted
    return given | {name: value for name, value in wanted.items() if start[name] != value}


def arguments(config: TrainingConfig, file: Path, below: dict[str, Any], runs: Path) -> list[str]:
    """Of the trainer's script, which is called in its own folder."""
    if Path.cwd() != ROOT:  # the server was started elsewhere
        config = config.with_whole_paths()
    found = ["--config", str(from_root(file))]
    found += ["--runs", str(from_root(runs))] if from_root(runs) != Path("runs") else []
    for name, value in overrides(config, below).items():
        text = spelled(value)
        found += [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
    return found


def command_line(words: Sequence[str]) -> str:
    return shlex.join(["python", SCRIPT, *words])


def spelled(value: Any) -> str:
    """As the command line reads it."""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)
