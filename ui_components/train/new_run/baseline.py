"""The baseline of the form: the preset or the run whose settings it was filled with and is compared with."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from qal.errors import OptionError
from qal.jobs.notes import run_name
from qal.jobs.options.training_config import TrainingConfig, method_name
from qal.jobs.options.yaml_file import check_config, read_settings
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import Studio
from ui_components.widgets.choices import Choices, presets

RUN_PREFIX = "run/"  # a run's value in the drop-down is run/<id>; names of presets have no slash
DEFAULT_PRESET = "quick"
CACHE_SIZE = 32  # files of settings


class SettingsFile(NamedTuple):
    """The content of a YAML file of settings, and the complete settings with the defaults filled in."""

    settings: dict[str, Any]
    config: TrainingConfig


@dataclass(frozen=True)
class Baseline:
    """A preset or the settings of a run."""

    kind: Literal["preset", "run"]
    name: str
    file: Path
    settings: dict[str, Any]  # the content of the file
    config: TrainingConfig

    @property
    def label(self) -> str:
        return f'{self.kind} "{self.name}"'


def find_baseline(studio: Studio, value: str | None) -> Baseline:
    """Reads the baseline of a value of the drop-down.

    Raises OptionError if there is no such preset or run, or if its file is not valid."""
    if value and value.startswith(RUN_PREFIX):
        run = find_run(studio, value.removeprefix(RUN_PREFIX))
        return _baseline("run", run_name(run), run.config_file)
    if value is None:
        raise OptionError(f"choose a preset first; the presets are the YAML files in {studio.configs}")
    if value not in {preset.name for preset in presets(studio.configs).presets}:
        raise OptionError(f"choose a preset first; there is no {value}.yaml in {studio.configs}")
    return _baseline("preset", value, studio.configs / f"{value}.yaml")


def find_run(studio: Studio, run_id: str) -> Run:
    """Finds a run by its id. Raises OptionError if it does not exist."""
    run = next((run for run in list_runs(studio.runs) if run.id == run_id), None)
    if run is None:
        raise OptionError(f"run {run_id} does not exist any more; choose a preset")
    return run


def baseline_choices(studio: Studio, current: str | None = None) -> Choices:
    """The presets and, if the current value is a run, the settings of that run."""
    choices = [(preset.name, preset.name) for preset in presets(studio.configs).presets]
    if current and current.startswith(RUN_PREFIX):
        run_id = current.removeprefix(RUN_PREFIX)
        run = next((run for run in list_runs(studio.runs) if run.id == run_id), None)
        if run:
            choices.append((f"settings of run {run_name(run)}", current))
    return choices


def baseline_info(studio: Studio, value: str | None) -> str:
    """The purpose and the main settings of a preset; for a run, its file of settings."""
    if value and value.startswith(RUN_PREFIX):
        return f"settings from {Run(studio.runs / value.removeprefix(RUN_PREFIX)).config_file}"
    preset = next((preset for preset in presets(studio.configs).presets if preset.name == value), None)
    if not preset:
        return f"no preset in {studio.configs}/"
    config = preset.config
    limit = f", at most {config.max_utterances:,} examples" if config.max_utterances else ""
    summary = f"{config.epochs} epochs of {method_name(config)} on {config.base}{limit}"
    return f"{preset.about} ({summary})" if preset.about else summary


def _baseline(kind: Literal["preset", "run"], name: str, file: Path) -> Baseline:
    content = _read_settings_file(file, file.stat().st_mtime_ns)
    return Baseline(kind, name, file, content.settings, content.config)


@lru_cache(CACHE_SIZE)
def _read_settings_file(file: Path, changed_ns: int) -> SettingsFile:
    settings = read_settings(file)
    return SettingsFile(settings, check_config(settings, str(file)))
