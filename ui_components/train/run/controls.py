"""What the buttons of a watched run do. Each asks whose run it is."""

from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr

from qal.errors import TrainingError
from qal.jobs import job
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import TOAST_S, Studio
from ui_components.widgets.markup import sentence_html

QUESTIONS = {
    "kill": "Kill run {name}? It ends at once; what came after its last checkpoint is lost.",
    "delete": "Delete run {name}? It is moved to the trash folder beside the runs; nothing is erased.",
}
ANSWERS = {"kill": "Kill it", "delete": "Delete it"}


@dataclass(frozen=True)
class Asked:
    """What somebody must say yes to."""

    what: Literal["kill", "delete"]
    run: str


def find(studio: Studio, run_id: str | None) -> Run:
    run = next((r for r in list_runs(studio.runs) if r.id == run_id), None)
    if run is None:
        raise TrainingError(f"run {run_id} is not there any more" if run_id else "choose a run first")
    return run


def stop(studio: Studio, run_id: str | None, request: gr.Request) -> None:
    run = find(studio, run_id)
    studio.require_run_owner(run, request)
    job.stop(run)


def resume(studio: Studio, run_id: str | None, request: gr.Request) -> None:
    run = find(studio, run_id)
    studio.require_run_owner(run, request)
    job.resume(run)


def ask_kill(studio: Studio, run_id: str | None, request: gr.Request) -> list[Any]:
    """Opens the question -> (asked, row, sentence, yes)."""
    return _ask(studio, "kill", run_id, request)


def ask_delete(studio: Studio, run_id: str | None, request: gr.Request) -> list[Any]:
    return _ask(studio, "delete", run_id, request)


def _ask(studio: Studio, what: Literal["kill", "delete"], run_id: str | None, request: gr.Request) -> list[Any]:
    run = find(studio, run_id)
    studio.require_run_owner(run, request)
    sentence = sentence_html(QUESTIONS[what].format(name=run.id))
    return [Asked(what, run.id), gr.Row(visible=True), f"<p>{sentence}</p>", gr.Button(ANSWERS[what])]


def withdraw(studio: Studio) -> list[Any]:
    """The answer was no -> (asked, row)."""
    return [None, gr.Row(visible=False)]


def confirm(studio: Studio, asked: Asked | None, watched: str | None, request: gr.Request) -> list[Any]:
    """The answer was yes -> (asked, row, the run that is watched)."""
    if asked is None:
        return [None, gr.Row(visible=False), gr.skip()]
    run = find(studio, asked.run)
    studio.require_run_owner(run, request)
    if asked.what == "kill":
        job.kill(run)
        return [None, gr.Row(visible=False), gr.skip()]
    moved = job.trash(run)
    gr.Info(sentence_html(f"run {run.id} is in {moved} now"), duration=TOAST_S)
    return [None, gr.Row(visible=False), None if watched == run.id else gr.skip()]


def use_settings(studio: Studio, run_id: str | None) -> str:
    """-> the run whose settings are wanted; the form fills itself, and opens when it has"""
    return find(studio, run_id).id
