"""Deletes the opened evaluation after a question. Only its owner or an admin may, and never while it runs."""

from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.evaluation.records import read_rows
from qal.evaluation.removal import delete_evaluation, require_idle
from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.evaluate.results.comparison import model_titles
from ui_components.evaluate.results.stored import evaluation_of, find_evaluation
from ui_components.widgets.markup import note_html


class DeleteQuestion(NamedTuple):
    """Outputs of `ask_delete`, or their components."""

    evaluation: Any  # id of the evaluation that is asked about
    row: Any
    question: Any


class Deleted(NamedTuple):
    """Outputs of `delete`: the newest evaluation is shown, and no question."""

    chosen: None
    evaluation: str
    row: gr.Row


def add_question() -> tuple[DeleteQuestion, gr.Button, gr.Button]:
    """Lays out the question with its buttons Delete and Cancel."""
    with gr.Row(visible=False, elem_classes="qal-question") as row:
        question = gr.HTML()
        confirm = gr.Button("Delete", variant="stop", size="md")
        cancel_button = gr.Button("Cancel", size="md")
    return DeleteQuestion(gr.State(""), row, question), confirm, cancel_button


def wire_removal(studio: Studio, button: gr.Button, opened: gr.State, chosen: gr.State, listed: dict) -> None:
    """Adds the question, and connects it with the button.

    Args:
        studio: the studio.
        button: asks.
        opened: id of the evaluation that is shown.
        chosen: id of the chosen evaluation; None: the newest one.
        listed: the arguments of the event that lists the evaluations."""
    asked, confirm, cancel_button = add_question()
    button.click(action(ask_delete, studio), opened, list(asked), **EVENT_OPTIONS)
    for event in (cancel_button.click, opened.change):
        event(cancel, None, list(asked), **EVENT_OPTIONS)
    outputs = [chosen, asked.evaluation, asked.row]
    confirm.click(action(delete, studio), asked.evaluation, outputs, **EVENT_OPTIONS).success(**listed)


def ask_delete(studio: Studio, opened: str | None, request: gr.Request) -> DeleteQuestion:
    """Asks for confirmation. Raises OptionError for another user's evaluation, EvaluationError for one that runs."""
    folder = require_own(studio, opened, request)
    require_idle(folder)
    evaluation = evaluation_of(folder)
    name = f"{model_titles(studio)(evaluation.model)} on {evaluation.corpus}"
    count = len(read_rows(folder))
    sentence = f"Delete the evaluation of {name} with its {count:,} transcripts? This cannot be undone."
    return DeleteQuestion(folder.name, gr.Row(visible=True), note_html(sentence, problem=True))


def cancel() -> DeleteQuestion:
    """Hides the question."""
    return DeleteQuestion("", gr.Row(visible=False), "")


def delete(studio: Studio, evaluation: str | None, request: gr.Request) -> Deleted:
    """Deletes the evaluation of the question. Raises OptionError, EvaluationError or StorageError."""
    folder = require_own(studio, evaluation, request)
    delete_evaluation(studio.evaluations, folder.name)
    gr.Info(f"The evaluation {folder.name} was deleted.")
    return Deleted(None, "", gr.Row(visible=False))


def require_own(studio: Studio, evaluation: str | None, request: gr.Request) -> Path:
    """Returns the folder of an evaluation. Raises OptionError or EvaluationError."""
    folder = find_evaluation(studio.evaluations, evaluation)
    studio.require_owner(evaluation_of(folder).user or None, f"the evaluation {folder.name}", request)
    return folder
