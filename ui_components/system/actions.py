"""Handlers of the System tab: checks of this machine, interrupted runs, and loaded models."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import gradio as gr

from qal.checks.check import CheckOptions, check
from qal.errors import QalError, TrainingError
from qal.jobs import job
from qal.jobs.notes import run_name
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import Studio
from ui_components.models.inventory import folder_bytes
from ui_components.system.view import (
    InterruptedRun,
    cache_html,
    findings_html,
    interrupted_runs_html,
    loaded_models_html,
)
from ui_components.train.run.tensorboard import tensorboard_html
from ui_components.train.run.view import short_corpus_names
from ui_components.widgets.markup import note_html

INTERRUPTED_STATES = ("interrupted", "failed")
RUNNING_NOTES = {"training": "Checking torch; this takes some seconds.", "network": "Connecting to the model hub."}


class SystemUpdate(NamedTuple):
    """Outputs of `update`."""

    interrupted_runs: str
    loaded_models: str
    tensorboard: str


def check_options(studio: Studio) -> CheckOptions:
    """The folders and the model that are checked."""
    return CheckOptions(studio.data, studio.runs, studio.model)


def run_checks(studio: Studio) -> str:
    """The results of the fast checks as HTML."""
    return findings_html(check(check_options(studio)))


def run_slow_check(studio: Studio, name: str) -> Iterator[str]:
    """Runs all checks with one slow check: "training" (imports torch in its own process) or "network"."""
    yield note_html(RUNNING_NOTES[name]) + run_checks(studio)
    options = replace(check_options(studio), torch=name == "training", network=name == "network")
    yield findings_html(check(options))


def update(studio: Studio) -> SystemUpdate:
    engines = studio.engines
    return SystemUpdate(
        interrupted_runs=interrupted_runs_html(interrupted_runs(studio)),
        loaded_models=loaded_models_html(engines.loaded()) + cache_html(engines.limits, engines.statistics()),
        tensorboard=tensorboard_html(studio.runs),
    )


def interrupted_runs(studio: Studio) -> list[InterruptedRun]:
    """The runs that ended before they finished, newest first."""
    interrupted = []
    for run in list_runs(studio.runs):
        status = run.status()
        if status.state not in INTERRUPTED_STATES:
            continue
        interrupted.append(
            InterruptedRun(
                id=run.id,
                name=run_name(run),
                state=status.state,
                about=_about(run),
                step=status.step,
                steps=status.steps,
                checkpoint_bytes=folder_bytes(run.checkpoints),
                reason=status.reason or "",
            )
        )
    return interrupted


def _about(run: Run) -> str:
    """The base model and the datasets of a run."""
    try:
        config = load_config(run.config_file)
    except (QalError, OSError):
        return "its settings cannot be read"
    return f"{config.base} on {short_corpus_names(config)}"


def resume(studio: Studio, event: gr.EventData, request: gr.Request) -> None:
    """Resumes the run whose button was clicked. Raises TrainingError, OptionError."""
    run_id = getattr(event, "resume", None)
    run = next((run for run in list_runs(studio.runs) if run.id == run_id), None)
    if run is None:
        raise TrainingError("that run no longer exists; reload this page")
    studio.require_run_owner(run, request)
    job.resume(run)
    gr.Info(f"Resuming {run_name(run)} from its last checkpoint; see the Train tab.")


def unload_idle_models(studio: Studio) -> None:
    count = studio.engines.unload_idle()
    unloaded = f"{count} model{'s' if count != 1 else ''} unloaded" if count else "No model is idle"
    gr.Info(f"{unloaded}. Models are loaded again when they are needed.")
