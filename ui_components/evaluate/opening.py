"""Links of other tabs to the Evaluate tab: a new evaluation of a model, and the newest one that a model has."""

import html
from typing import NamedTuple

import gradio as gr
from gradio.components import Component

from qal.errors import ModelError
from qal.jobs.run import Run
from qal.text.error_measure import score_basis
from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.evaluate.results.examples import clicked
from ui_components.evaluate.results.stored import Listed, find_evaluation, list_evaluations
from ui_components.evaluate.tab_ids import EVALUATE_TAB, NEW, RESULTS
from ui_components.models.inventory import Model
from ui_components.widgets.choices import model_choices


class EvaluateTab(NamedTuple):
    """The parts of the Evaluate tab that other tabs use."""

    models: gr.Dropdown  # of a new evaluation
    inner: gr.Tabs
    chosen: gr.State  # id of the evaluation that is shown
    listed: dict  # the arguments of the event that lists the evaluations


class EvaluatedModel(NamedTuple):
    """Outputs of `evaluate_model`. The tabs come last: the select event of a tab reads its form."""

    models: gr.Dropdown
    inner: gr.Tabs
    tabs: gr.Tabs


class OpenedEvaluation(NamedTuple):
    """Outputs of `open_evaluation`."""

    chosen: str
    inner: gr.Tabs
    tabs: gr.Tabs


def wire_evaluate(studio: Studio, button: gr.Button, model: Component, evaluate: EvaluateTab, tabs: gr.Tabs) -> None:
    """Connects a button that opens the form of a new evaluation with a model.

    Args:
        studio: the studio.
        button: the button.
        model: its value is the name that loads the model.
        evaluate: the Evaluate tab.
        tabs: the tabs of the page."""
    outputs = list(EvaluatedModel(evaluate.models, evaluate.inner, tabs))
    button.click(action(evaluate_model, studio), model, outputs, **EVENT_OPTIONS)


def wire_newest(studio: Studio, card: gr.HTML, evaluate: EvaluateTab, tabs: gr.Tabs) -> None:
    """Connects the card of a model, whose button opens the newest evaluation."""
    outputs = [evaluate.chosen, evaluate.inner, tabs]  # as in OpenedEvaluation
    opened = card.select(action(open_evaluation, studio), None, outputs, **EVENT_OPTIONS)
    opened.success(**evaluate.listed)


def evaluate_model(studio: Studio, model: str | None) -> EvaluatedModel:
    """Chooses a model in the form of a new evaluation and opens it. Raises ModelError if it is not installed."""
    choices = model_choices(studio.runs, studio.model)
    if model not in {value for _, value in choices}:
        raise ModelError(f"the model {model} is not installed; choose another one" if model else "choose a model first")
    return EvaluatedModel(
        models=gr.Dropdown(choices=choices, value=[model]),
        inner=gr.Tabs(selected=NEW),
        tabs=gr.Tabs(selected=EVALUATE_TAB),
    )


def open_evaluation(studio: Studio, event: gr.EventData) -> OpenedEvaluation:
    """Opens the clicked evaluation among the results. Raises EvaluationError if it is no longer there."""
    folder = find_evaluation(studio.evaluations, clicked(event).get("key"))
    return OpenedEvaluation(folder.name, gr.Tabs(selected=RESULTS), gr.Tabs(selected=EVALUATE_TAB))


def newest_evaluation(studio: Studio, model: Model) -> Listed | None:
    """Returns the newest evaluation of a model that has figures; None if there is none."""
    names = {model.key, *([str(model.directory)] if model.directory else [])}
    if model.place == "run":
        names.add(str(Run(studio.runs / model.key).folder))
    found = (item for item in list_evaluations(studio.evaluations) if item.evaluation.model in names)
    return next((item for item in found if item.figures), None)


def newest_html(item: Listed | None) -> str:
    """Returns the figures of an evaluation with what they rest on, and the button that opens it; "" without one."""
    if item is None or item.figures is None:
        return ""
    evaluation, figures = item.evaluation, item.figures
    basis = score_basis(evaluation.split, figures.utterances, figures.words, item.normaliser)
    key, rate = html.escape(evaluation.id), figures.deciding.error_rate.named_text
    return (
        f"{rate} on {html.escape(evaluation.corpus)} ({html.escape(basis)}) "
        f'<button type="button" class="qal-small" data-key="{key}">Show</button>'
    )
