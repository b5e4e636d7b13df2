"""What the form is compared with: a preset of configs/, or the settings of a run that somebody loaded."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from qal.errors import OptionError
from qal.jobs.options.training_config import TrainingConfig, method_name
from qal.jobs.options.yaml_file import check_config, read_settings
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import Studio
from ui_components.widgets.choices import Choices, presets

OF_RUN = "run/"  # begins the drop-down's value of a run's settings; no preset's name holds a slash
DEFAULT = "quick"


@dataclass(frozen=True)
class Reference:
    """A file of settings. `below`: what it says; `config`: what that makes."""

    value: str
    label: str
    file: Path
    below: dict[str, Any]
    config: TrainingConfig


def reference(studio: Studio, value: str | None) -> Reference:
    """Raises OptionError where there is no such preset or run, or its file cannot be read."""
    if value and value.startswith(OF_RUN):
        run = find_run(studio, value.removeprefix(OF_RUN))
        return _reference(value, f"run {run.id}", run.config_file)
    if value not in {preset.name for preset in presets(studio.configs).presets}:
        raise OptionError(f"choose a preset first: there is no '{value or ''}' in {studio.configs}")
    return _reference(value, value, studio.configs / f"{value}.yaml")


def find_run(studio: Studio, run_id: str) -> Run:
    run = next((r for r in list_runs(studio.runs) if r.id == run_id), None)
    if run is None:
        raise OptionError(f"there is no run {run_id} any more; choose a preset")
    return run


def reference_choices(studio: Studio, current: str | None = None) -> Choices:
    """The presets, and the run whose settings were loaded."""
    named = [(preset.name, preset.name) for preset in presets(studio.configs).presets]
    run_id = (current or "").removeprefix(OF_RUN)
    loaded = current and run_id != current and run_id in {run.id for run in list_runs(studio.runs)}
    return [*named, (f"settings of run {run_id}", current)] if loaded and current else named


def about(studio: Studio, value: str | None) -> str:
    """What a preset is for, and its main figures."""
    if value and value.startswith(OF_RUN):
        return f"as in {studio.runs / value.removeprefix(OF_RUN) / 'config.yaml'}"
    preset = next((p for p in presets(studio.configs).presets if p.name == value), None)
    if not preset:
        return f"no preset in {studio.configs}/"
    config = preset.config
    most = f", at most {config.max_utterances:,} utterances" if config.max_utterances else ""
    figures = f"{config.epochs} epochs of {method_name(config)} on {config.base}{most}"
    return f"{preset.about} ({figures})" if preset.about else figures


def _reference(value: str, label: str, file: Path) -> Reference:
    below, config = _loaded(file, file.stat().st_mtime_ns)
    return Reference(value, label, file, below, config)


@lru_cache(32)
def _loaded(file: Path, changed_ns: int) -> tuple[dict[str, Any], TrainingConfig]:
    below = read_settings(file)
    return below, check_config(below, str(file))
