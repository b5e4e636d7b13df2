"""The form of a new evaluation, and the evaluations in progress."""

from pathlib import Path
from typing import NamedTuple

import gradio as gr
from gradio.events import Dependency

from qal.text.normalisation.registry import SCORING
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.evaluate.start import actions
from ui_components.evaluate.start.checkpoints import checkpoints_form
from ui_components.evaluate.start.form import AS_STORED, CONTEXTS, MAX_MODELS, SPLITS, normaliser_choices
from ui_components.widgets.choices import named_languages
from ui_components.widgets.clickable import CLICKABLE_JS

POLL_JS = (Path(__file__).parents[2] / "data" / "add" / "poll.js").read_text(encoding="utf-8")


class JobsPanel(NamedTuple):
    """The evaluations in progress."""

    html: gr.HTML
    sent: gr.State


def jobs_panel() -> JobsPanel:
    """Lays out the evaluations in progress."""
    return JobsPanel(gr.HTML("", js_on_load=f"{CLICKABLE_JS}\n{POLL_JS}"), gr.State(""))


class StartTab(NamedTuple):
    """The parts of the form that others use."""

    models: gr.Dropdown
    started: list[Dependency]  # the events after which an evaluation has started


def start_tab(studio: Studio, panel: JobsPanel, opened: EventTriggers) -> StartTab:
    """Lays out and wires the form."""
    models = gr.Dropdown([], multiselect=True, label="Models", max_choices=MAX_MODELS, elem_id="evaluate-models")
    with gr.Row():
        corpus = gr.Dropdown([], label="Dataset", min_width=220, scale=2)
        split = gr.Radio(SPLITS, value="test", label="Split", min_width=260)
    with gr.Row():
        normaliser = gr.Dropdown(
            normaliser_choices(),
            value=SCORING.id,
            label="Normaliser",
            info="Removes what does not count as an error. It can be changed afterwards.",
            min_width=260,
            scale=2,
        )
        max_examples = gr.Number(
            0, label="Max examples (0 = all)", precision=0, minimum=0, info="Spread evenly.", min_width=180
        )
    with gr.Accordion("Advanced settings", open=False), gr.Row():
        languages = [("As each example says", AS_STORED), *named_languages()]
        language = gr.Dropdown(languages, value=AS_STORED, label="Language", min_width=180)
        context = gr.Radio(CONTEXTS, value="auto", label="Window", min_width=260)
    with gr.Row(elem_classes="qal-actions"):
        start = gr.Button("Evaluate", variant="primary", min_width=140, scale=0)
    gr.on(opened, action(actions.update_form, studio), [models, corpus], [models, corpus], **EVENT_OPTIONS)
    settings = [corpus, split, normaliser, max_examples, language, context]
    start_evaluation = action(actions.start_evaluation, studio)
    started = start.click(start_evaluation, [models, *settings], list(panel), **EVENT_OPTIONS)
    return StartTab(models, [started, checkpoints_form(studio, settings, list(panel), opened)])


def wire_jobs(studio: Studio, panel: JobsPanel, opened: EventTriggers) -> list[Dependency]:
    """Updates the jobs when the tab is opened, while poll.js asks for it, and when one of their buttons is used.

    Returns the events, after which the results may have changed."""
    update = {"fn": action(actions.update_jobs, studio), "inputs": panel.sent, "outputs": list(panel), **EVENT_OPTIONS}
    return [
        gr.on(opened, **update),
        panel.html.poll(**update),  # pyright: ignore[reportAttributeAccessIssue]
        panel.html.select(action(actions.act_on_job, studio), None, list(panel), **EVENT_OPTIONS),
    ]
