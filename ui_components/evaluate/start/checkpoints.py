"""The part of the form that evaluates the checkpoints of one run, and its handlers."""

from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from qal.errors import OptionError
from qal.jobs.kept_checkpoints import SEPARATOR, choose_checkpoints, kept_checkpoints
from qal.jobs.notes import run_name
from qal.jobs.run import Run, list_runs
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action, current_user
from ui_components.evaluate.start import jobs
from ui_components.evaluate.start.actions import JobsShown, shown_jobs
from ui_components.evaluate.start.form import form_of
from ui_components.train.run.controls import require_run
from ui_components.widgets.choices import Choices, first_available, run_choices

HINT = (
    "Each checkpoint is evaluated with the settings above, on the same examples. A run keeps its last checkpoints, and "
    "all of them with the setting *Keep the weights of each epoch*."
)


class CheckpointChoices(NamedTuple):
    """Outputs of `update_runs` and `update_checkpoints`, or their components."""

    run: Any
    checkpoints: Any


def checkpoints_form(studio: Studio, settings: list, panel: list, opened: EventTriggers) -> Dependency:
    """Lays out and wires the form. Returns the event after which an evaluation has started.

    Args:
        studio: the studio.
        settings: the components of dataset, split, normaliser, number of examples, language and window.
        panel: the evaluations in progress.
        opened: events after which the runs are listed again."""
    with gr.Accordion("Checkpoints of a run", open=False):
        gr.Markdown(HINT)
        with gr.Row():
            run = gr.Dropdown([], label="Run", min_width=220, elem_id="evaluate-run")
            chosen = gr.Dropdown([], multiselect=True, label="Checkpoints", min_width=260)
        with gr.Row(elem_classes="qal-actions"):
            start = gr.Button("Evaluate checkpoints", min_width=180, scale=0)
    outputs = list(CheckpointChoices(run, chosen))
    gr.on(opened, action(update_runs, studio), [run, chosen], outputs, **EVENT_OPTIONS)
    run.input(action(update_checkpoints, studio), run, outputs, **EVENT_OPTIONS)
    return start.click(action(start_checkpoints, studio), [run, chosen, *settings], panel, **EVENT_OPTIONS)


def update_runs(studio: Studio, run: str | None, chosen: list[str] | None) -> CheckpointChoices:
    """Lists the runs that have checkpoints, and keeps what is chosen."""
    runs = run_choices((run_name(found), found.id) for found in list_runs(studio.runs) if kept_checkpoints(found))
    current = first_available(runs, run)
    names = checkpoint_choices(studio, current)
    kept = [name for name in chosen or () if name in {value for _, value in names}] if current == run else []
    return CheckpointChoices(
        run=gr.Dropdown(choices=runs, value=current),
        checkpoints=gr.Dropdown(choices=names, value=kept or [value for _, value in names]),
    )


def update_checkpoints(studio: Studio, run: str | None) -> CheckpointChoices:
    """Lists the checkpoints of the chosen run and chooses all of them."""
    names = checkpoint_choices(studio, run)
    return CheckpointChoices(gr.skip(), gr.Dropdown(choices=names, value=[value for _, value in names]))


def checkpoint_choices(studio: Studio, run: str | None) -> Choices:
    found = kept_checkpoints(Run(studio.runs / require_run(studio, run).id)) if run else []
    return [(checkpoint.title + _at_step(checkpoint.step), checkpoint.name) for checkpoint in found]


def _at_step(step: int | None) -> str:
    return "" if step is None else f", step {step}"


def start_checkpoints(
    studio: Studio, request: gr.Request, run_id: str | None, names: list[str] | None, *settings: Any
) -> JobsShown:
    """Starts the evaluation of checkpoints. Raises a QalError for a form that cannot be used."""
    run = require_run(studio, run_id)
    if not names:
        raise OptionError("choose a checkpoint first; a run that was stopped or has finished has some")
    chosen = choose_checkpoints(run, names)
    form = form_of([], *settings).with_dataset(studio)
    user, dataset = current_user(request), form.corpus.rpartition("/")[2]
    command = form.checkpoints_command(run.id, [c.name for c in chosen], studio.runs, studio.evaluations, user)
    models = tuple(f"{run.id}{SEPARATOR}{checkpoint.name}" for checkpoint in chosen)
    jobs.start_evaluation(studio.evaluations, models, dataset, command, user)
    shown = shown_jobs(studio)
    return JobsShown(shown, shown)
