"""Handlers that start a run with the settings of the form."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from qal.errors import OptionError
from qal.jobs import job
from qal.jobs.notes import run_name
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.queue import queued_jobs, running_job
from qal.jobs.run import Run
from ui_components.app.studio import Studio, current_user
from ui_components.train.new_run.checks import check_form
from ui_components.train.new_run.outputs import StartedRun
from ui_components.train.new_run.run_names import title_of
from ui_components.train.new_run.view import problem_text
from ui_components.widgets.markup import sentence_html


def start(studio: Studio, request: gr.Request, preset: str | None, name: str | None, *values: Any) -> StartedRun:
    """Starts a run with the settings and the name of the form. Raises OptionError if one of them is invalid."""
    config = require_valid_config(studio, values)
    title = title_of(studio, name, config, preset)
    run = job.start(config, studio.runs, user=current_user(request), title=title)
    show_queue_position(studio, run)
    return StartedRun(run.id, "")


def require_valid_config(studio: Studio, values: Sequence[Any]) -> TrainingConfig:
    """Returns the settings of the form. Raises OptionError with the first problem."""
    checked = check_form(studio, values)
    if checked.valid_config is None:
        raise OptionError(problem_text(checked.problems[0]))
    return checked.valid_config


def show_queue_position(studio: Studio, run: Run) -> None:
    """Shows a message with the run's position in the queue if other runs are in progress or queued."""
    in_progress, queued = running_job(studio.runs), [queued_run.id for queued_run in queued_jobs(studio.runs)]
    position = queued.index(run.id) + 1 if run.id in queued else 1
    if in_progress is None and position == 1:
        return
    reason = f"run {run_name(in_progress)} is in progress" if in_progress else "other runs are queued"
    message = f"{reason}: this run is number {position} in the queue and starts automatically"
    gr.Info(sentence_html(message))
