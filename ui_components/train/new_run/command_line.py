"""The shortest command line of `qal train` for the form's settings and a file of settings."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config, merge_settings
from ui_components.train.new_run.settings import ALL_SETTINGS, AUGMENTATION_PRESET
from ui_components.widgets.forms import nested, value_of

DEFAULT_RUNS = Path("runs")


def setting_values(config: TrainingConfig) -> dict[str, Any]:
    """All settings by their dotted names."""
    return {setting.name: value_of(config, setting.name) for setting in ALL_SETTINGS}


def overrides(config: TrainingConfig, file_settings: dict[str, Any]) -> dict[str, Any]:
    """The smallest set of settings, by dotted name, that changes the settings of a file into `config`.

    The augmentation preset comes first, because it sets the values of the transforms."""
    values = setting_values(config)
    changes: dict[str, Any] = {}
    try:
        if check_config(file_settings, "").augmentation.preset != config.augmentation.preset:
            changes[AUGMENTATION_PRESET] = config.augmentation.preset
        file_values = setting_values(check_config(merge_settings(TrainingConfig, file_settings, nested(changes)), ""))
    except OptionError:  # the file is not valid by itself, or its audio folders do not fit the new preset
        return values
    return changes | {name: value for name, value in values.items() if file_values[name] != value}


def train_arguments(config: TrainingConfig, file: Path, file_settings: dict[str, Any], runs: Path) -> list[str]:
    """The arguments of `qal train`, with paths relative to the server's working directory.

    Args:
        config: the settings of the run.
        file: a YAML file of settings.
        file_settings: the content of the file.
        runs: the runs folder.
    """
    arguments = ["--config", str(relative_path(file))]
    if relative_path(runs) != DEFAULT_RUNS:
        arguments += ["--runs", str(relative_path(runs))]
    for name, value in overrides(config, file_settings).items():
        text = argument_text(value)
        arguments += [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]
    return arguments


def relative_path(path: Path) -> Path:
    """The path relative to the working directory if it is inside, else the absolute path."""
    absolute, working_directory = path.absolute(), Path.cwd()
    return absolute.relative_to(working_directory) if absolute.is_relative_to(working_directory) else absolute


def command_line(arguments: Sequence[str]) -> str:
    """The command `qal train` with its arguments, quoted for a shell."""
    return shlex.join(["qal", "train", *arguments])


def argument_text(value: Any) -> str:
    """A value in the format of the command line."""
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value if isinstance(value, str) else json.dumps(value)
