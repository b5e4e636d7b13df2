"""What happens on the System tab."""

from collections.abc import Iterator
from dataclasses import replace

import gradio as gr

from qal.checks.check import Subject, check
from qal.errors import QalError, TrainingError
from qal.jobs import job
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import Studio
from ui_components.models.inventory import folder_bytes
from ui_components.system.view import Resumable, findings_html, loaded_html, resumable_html
from ui_components.train.run.tensorboard import tensorboard_html
from ui_components.train.run.view import corpora_in_short
from ui_components.widgets.markup import note_html

UNFINISHED = ("interrupted", "failed")
ASKING = {"training": "Asking torch; this takes some seconds.", "network": "Asking the model hub."}


def subject_of(studio: Studio) -> Subject:
    return Subject(studio.data, studio.runs, studio.model)


def look(studio: Studio) -> str:
    """What can be said at once."""
    return findings_html(check(subject_of(studio)))


def look_closer(studio: Studio, at: str) -> Iterator[str]:
    """At "training", which asks torch in a process of its own, or at the "network"."""
    yield note_html(ASKING[at]) + look(studio)
    yield findings_html(check(replace(subject_of(studio), torch=at == "training", network=at == "network")))


def show(studio: Studio) -> tuple[str, str, str]:
    """-> (runs that can be resumed, models in memory, TensorBoard)"""
    return resumable_html(resumable(studio)), loaded_html(studio.engines.loaded()), tensorboard_html(studio.runs)


def resumable(studio: Studio) -> list[Resumable]:
    """Runs that ended before they had finished, the newest first."""
    found = []
    for run in list_runs(studio.runs):
        status = run.status()
        if status.state in UNFINISHED:
            size = folder_bytes(run.checkpoints)
            at = (status.step, status.steps, size, status.reason or "")
            found.append(Resumable(run.id, status.state, _about(run), *at))
    return found


def _about(run: Run) -> str:
    try:
        config = load_config(run.config_file)
    except (QalError, OSError):
        return "its settings cannot be read"
    return f"{config.base} on {corpora_in_short(config)}"


def resume(studio: Studio, event: gr.EventData, request: gr.Request) -> None:
    """A Resume button was pressed. Raises TrainingError, OptionError."""
    wanted = getattr(event, "resume", None)
    run = next((run for run in list_runs(studio.runs) if run.id == wanted), None)
    if run is None:
        raise TrainingError("that run is not there any more; reload this page")
    studio.require_own(run, request)
    job.resume(run)
    gr.Info(f"{run.id} goes on from its last checkpoint; the Train tab shows how.")


def free(studio: Studio) -> None:
    """Drops the models that nobody uses."""
    count = studio.engines.let_go()
    dropped = f"{count} model{'s were' if count != 1 else ' was'} dropped" if count else "No model is idle"
    gr.Info(f"{dropped}; one that is needed again is loaded again.")
