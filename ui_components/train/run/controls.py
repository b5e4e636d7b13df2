"""Handlers of the buttons of the Run tab. Each of them requires that the user owns the run."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import gradio as gr

from qal.errors import TrainingError
from qal.jobs import job
from qal.jobs.notes import run_name
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import TOAST_S, Studio
from ui_components.widgets.markup import sentence_html

Action = Literal["kill", "delete"]
QUESTIONS: dict[Action, str] = {
    "kill": "Kill run {name}? The process ends at once; steps after the last checkpoint are lost.",
    "delete": "Delete run {name}? It is moved to the trash folder inside the runs folder.",
}
CONFIRM_LABELS: dict[Action, str] = {"kill": "Kill", "delete": "Delete"}


@dataclass(frozen=True)
class PendingAction:
    """An action that the user must confirm. A second question about the same action differs from the first one, so that
    the page shows it even if an update that was under way has hidden the first."""

    action: Action
    run_id: str
    asked_at_s: float = field(default_factory=time.monotonic)


class QuestionUpdate(NamedTuple):
    """Outputs of `ask_kill` and `ask_delete`."""

    pending: PendingAction
    row: gr.Row
    question: str
    confirm: gr.Button


class ClosedQuestion(NamedTuple):
    """Outputs of `cancel`."""

    pending: None
    row: gr.Row


class Confirmed(NamedTuple):
    """Outputs of `confirm`. `run` is the id of the run that the tab shows."""

    pending: None
    row: gr.Row
    run: Any


def require_run(studio: Studio, run_id: str | None) -> Run:
    """Returns a run by its id. Raises TrainingError if there is no such run."""
    run = next((r for r in list_runs(studio.runs) if r.id == run_id), None)
    if run is None:
        raise TrainingError(f"run {run_id} does not exist any more; choose another" if run_id else "choose a run first")
    return run


def require_own_run(studio: Studio, run_id: str | None, request: gr.Request) -> Run:
    """Returns a run by its id. Raises TrainingError if it does not exist, OptionError if it is another user's."""
    run = require_run(studio, run_id)
    studio.require_run_owner(run, request)
    return run


def stop(studio: Studio, run_id: str | None, request: gr.Request) -> None:
    job.stop(require_own_run(studio, run_id, request))


def resume(studio: Studio, run_id: str | None, request: gr.Request) -> None:
    job.resume(require_own_run(studio, run_id, request))


def export_despite_gate(studio: Studio, run_id: str | None, request: gr.Request) -> None:
    job.export_despite_gate(require_own_run(studio, run_id, request))


def ask_kill(studio: Studio, run_id: str | None, request: gr.Request) -> QuestionUpdate:
    """Asks the user to confirm that the run is killed."""
    return _ask(studio, "kill", run_id, request)


def ask_delete(studio: Studio, run_id: str | None, request: gr.Request) -> QuestionUpdate:
    """Asks the user to confirm that the run is deleted."""
    return _ask(studio, "delete", run_id, request)


def _ask(studio: Studio, action: Action, run_id: str | None, request: gr.Request) -> QuestionUpdate:
    run = require_own_run(studio, run_id, request)
    question = sentence_html(QUESTIONS[action].format(name=run_name(run)))
    return QuestionUpdate(
        pending=PendingAction(action, run.id),
        row=gr.Row(visible=True),
        question=f"<p>{question}</p>",
        confirm=gr.Button(CONFIRM_LABELS[action]),
    )


def cancel(studio: Studio) -> ClosedQuestion:
    return ClosedQuestion(pending=None, row=gr.Row(visible=False))


def confirm(studio: Studio, pending: PendingAction | None, shown_run: str | None, request: gr.Request) -> Confirmed:
    """Carries out the pending action. If the shown run was deleted, the tab shows another run."""
    done = Confirmed(pending=None, row=gr.Row(visible=False), run=gr.skip())
    if pending is None:
        return done
    run = require_own_run(studio, pending.run_id, request)
    if pending.action == "kill":
        job.kill(run)
        return done
    name, trash_folder = run_name(run), job.trash(run)
    gr.Info(sentence_html(f"run {name} was moved to {trash_folder}"), duration=TOAST_S)
    return done._replace(run=None) if shown_run == run.id else done


def request_new_run(studio: Studio, run_id: str | None) -> str:
    """Returns the id of the run whose settings the New run form loads."""
    return require_run(studio, run_id).id
