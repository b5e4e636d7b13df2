"""The command line that makes a run's settings of a file of settings, and says no more than in what they differ."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config, merge_settings
from ui_components.train.new_run.settings import ALL
from ui_components.widgets.forms import nested, value_of

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
        start = leaves(check_config(merge_settings(TrainingConfig, below, nested(given)), ""))
    except OptionError:  # the file is not right on its own, or its sounds do not go with the new preset
        return wanted
    return given | {name: value for name, value in wanted.items() if start[name] != value}


def arguments(config: TrainingConfig, file: Path, below: dict[str, Any], runs: Path) -> list[str]:
    """The arguments of `qal train`, called in the folder that the server was started in."""
    found = ["--config", str(relative(file))]
    found += ["--runs", str(relative(runs))] if relative(runs) != Path("runs") else []
    for name, value in overrides(config, below).items():
        text = spelled(value)
        found += [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
    return found


def relative(path: Path) -> Path:
    """The path as a command in the current folder names it: relative where the file is inside that folder."""
    whole, here = path.absolute(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def command_line(words: Sequence[str]) -> str:
    return shlex.join(["qal", "train", *words])


def spelled(value: Any) -> str:
    """As the command line reads it."""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)
