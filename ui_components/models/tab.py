"""The Models tab: the list of models, actions on the selected model, a comparison, and the disk usage."""

from dataclasses import dataclass
from typing import NamedTuple

import gradio as gr
from gradio.components import Component

from ui_components.app.studio import EVENT_OPTIONS, MAX_CONCURRENT_JOBS, EventTriggers, Studio, action
from ui_components.models import actions, comparison_actions
from ui_components.models.disk import CLEAR_LABELS
from ui_components.models.exports import CHOICES, UNCHANGED
from ui_components.widgets.choices import DETECT, language_choices
from ui_components.widgets.clickable import CLICKABLE_JS
from ui_components.widgets.markup import note_html

PLACE_FILTERS = [("All", ""), ("Installed", "here"), ("Fine-tuned here", "run"), ("Not downloaded", "absent")]
POLL_S = 1.0


class ModelsTab(NamedTuple):
    """The parts of the tab that other tabs use."""

    selected: gr.State  # the key of the selected model
    evaluate: gr.Button
    details: gr.HTML  # with the button of the newest evaluation


@dataclass(frozen=True)
class ModelList:
    """The filter and the table."""

    words: gr.Textbox
    where: gr.Radio
    table: gr.HTML


@dataclass(frozen=True)
class ModelPanel:
    """The details of the selected model, its actions, and the background commands."""

    details: gr.HTML
    try_it: gr.Button
    compare: gr.Button
    evaluate: gr.Button
    download: gr.Button
    delete: gr.Button
    question: gr.HTML
    answer: gr.Row
    confirm: gr.Button
    cancel: gr.Button
    form: gr.Dropdown
    export: gr.Button
    link: gr.HTML
    commands: gr.HTML


@dataclass(frozen=True)
class ComparisonPanel:
    """The inputs of the comparison."""

    clip: gr.Audio
    models: gr.Dropdown
    language: gr.Dropdown
    reference: gr.Textbox
    start: gr.Button

    @property
    def inputs(self) -> list[Component]:
        """The inputs of `comparison_actions.compare`."""
        return [self.clip, self.models, self.language, self.reference]


class DiskPanel(NamedTuple):
    """The table of the disk usage, and whether its accordion is open."""

    usage: gr.HTML
    is_open: gr.State


def models_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> ModelsTab:
    selected: gr.State = gr.State(None)  # the key of the selected model
    models = model_list()
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            panel = model_panel()
        with gr.Column(scale=3, min_width=300):
            comparison = comparison_panel(studio)
    results = gr.HTML(note_html(comparison_actions.WAITING), elem_classes="qal-outcome")
    disk = disk_panel(studio)
    wire_models(studio, opened, selected, models, panel, comparison, disk)
    wire_comparison(studio, selected, panel, comparison, results)
    return ModelsTab(selected, panel.evaluate, panel.details)


def model_list() -> ModelList:
    with gr.Row():
        hint = "name, language, dataset …"
        words = gr.Textbox("", label="Filter", placeholder=hint, scale=3, min_width=200, elem_classes="qal-search")
        where = gr.Radio(PLACE_FILTERS, value="", label="Show", scale=4, min_width=280)
    return ModelList(words, where, gr.HTML(js_on_load=CLICKABLE_JS))


def model_panel() -> ModelPanel:
    details = gr.HTML(js_on_load=CLICKABLE_JS)
    with gr.Row(elem_classes="qal-actions"):
        try_it = gr.Button("Try", variant="primary", visible=False, min_width=90)
        compare = gr.Button("Compare", visible=False, min_width=90)
        evaluate = gr.Button("Evaluate", visible=False, min_width=90)
        download = gr.Button("Download", variant="primary", visible=False, min_width=110)
        delete = gr.Button("Delete", visible=False, min_width=90)
    question = gr.HTML()
    with gr.Row(visible=False) as answer:
        confirm = gr.Button("Delete", variant="stop", min_width=110)
        cancel = gr.Button("Cancel", min_width=90)
    return ModelPanel(
        details=details,
        try_it=try_it,
        compare=compare,
        evaluate=evaluate,
        download=download,
        delete=delete,
        question=question,
        answer=answer,
        confirm=confirm,
        cancel=cancel,
        form=gr.Dropdown(CHOICES, value=UNCHANGED, label="Export as", visible=False),
        export=gr.Button("Export", visible=False),
        link=gr.HTML(),
        commands=gr.HTML(js_on_load=CLICKABLE_JS),
    )


def comparison_panel(studio: Studio) -> ComparisonPanel:
    clip = gr.Audio(sources=["upload", "microphone"], type="filepath", label="Clip", buttons=[])
    models = gr.Dropdown([], multiselect=True, label="Models to compare", max_choices=comparison_actions.MAX_COMPARED)
    with gr.Row():
        language = gr.Dropdown(language_choices(), value=studio.language or DETECT, label="Language", min_width=140)
        reference = gr.Textbox(
            "", label="Reference transcript (optional)", lines=1, max_lines=6, scale=2, min_width=220
        )
    return ComparisonPanel(clip, models, language, reference, gr.Button("Transcribe", variant="primary"))


def disk_panel(studio: Studio) -> DiskPanel:
    """Adds the disk usage. It is computed only while the accordion is open, because that takes time."""
    storage, is_open = gr.State(""), gr.State(False)
    with gr.Accordion("Disk", open=False) as accordion:
        usage = gr.HTML()
        with gr.Row():
            clear_buttons = {name: gr.Button(label, min_width=140) for name, label in CLEAR_LABELS.items()}
        question = gr.HTML()
        with gr.Row(visible=False) as answer:
            confirm = gr.Button("Delete", variant="stop", min_width=110)
            cancel = gr.Button("Cancel", min_width=90)
    expanded = accordion.expand(lambda: True, None, is_open, **EVENT_OPTIONS)
    expanded.then(action(actions.show_disk, studio), is_open, usage, **EVENT_OPTIONS)
    accordion.collapse(lambda: False, None, is_open, **EVENT_OPTIONS)
    ask_clear = action(actions.ask_clear, studio)
    for name, button in clear_buttons.items():
        button.click(ask_clear, gr.State(name), [storage, question, answer, confirm], **EVENT_OPTIONS)
    confirm.click(action(actions.clear, studio), storage, [question, answer, usage], **EVENT_OPTIONS)
    cancel.click(lambda: ("", gr.Row(visible=False)), None, [question, answer], **EVENT_OPTIONS)
    return DiskPanel(usage, is_open)


def wire_models(
    studio: Studio,
    opened: EventTriggers,
    selected: gr.State,
    models: ModelList,
    panel: ModelPanel,
    comparison: ComparisonPanel,
    disk: DiskPanel,
) -> None:
    """Connects the list and the panel of the selected model with their handlers."""
    order, running_count = gr.State(""), gr.State(0)
    inputs = [selected, order, models.words, models.where]
    buttons = [panel.try_it, panel.compare, panel.evaluate, panel.download, panel.form, panel.export, panel.delete]
    outputs = [models.table, panel.details, *buttons, comparison.models]
    update = action(actions.update, studio)
    triggers = [*opened, models.words.change, models.where.change, running_count.change]
    gr.on(triggers, update, inputs, outputs, **EVENT_OPTIONS)
    clicked = models.table.select(
        action(actions.handle_click, studio), inputs, [selected, order, *outputs], **EVENT_OPTIONS
    )
    for event in (clicked.then, panel.cancel.click):  # the question and the link belong to the selected model
        event(
            lambda: ("", gr.Row(visible=False), ""), None, [panel.question, panel.answer, panel.link], **EVENT_OPTIONS
        )
    wire_commands(studio, opened, selected, running_count, panel)

    asked_key: gr.State = gr.State(None)  # the key of the model in the question
    ask_outputs = [asked_key, panel.question, panel.answer]
    panel.delete.click(action(actions.ask_delete, studio), selected, ask_outputs, **EVENT_OPTIONS)
    delete_outputs = [selected, panel.question, panel.answer]
    deleted = panel.confirm.click(action(actions.delete, studio), asked_key, delete_outputs, **EVENT_OPTIONS)
    updated = deleted.success(update, inputs, outputs, **EVENT_OPTIONS)
    updated.then(action(actions.show_disk, studio), disk.is_open, disk.usage, **EVENT_OPTIONS)


def wire_commands(
    studio: Studio, opened: EventTriggers, selected: gr.State, running_count: gr.State, panel: ModelPanel
) -> None:
    """Connects the downloads and exports, and polls the background commands while some are running."""
    timer = gr.Timer(POLL_S, active=False)
    outputs = [panel.commands, running_count, timer]
    update_commands = action(actions.update_commands, studio)
    gr.on([*opened, timer.tick], update_commands, None, outputs, **EVENT_OPTIONS)
    handled = panel.commands.select(action(actions.stop_or_dismiss, studio), None, None, **EVENT_OPTIONS)
    handled.then(update_commands, None, outputs, **EVENT_OPTIONS)
    downloading = panel.download.click(action(actions.download, studio), selected, None, **EVENT_OPTIONS)
    downloading.success(update_commands, None, outputs, **EVENT_OPTIONS)
    exporting = panel.export.click(action(actions.export, studio), [selected, panel.form], panel.link, **EVENT_OPTIONS)
    exporting.success(update_commands, None, outputs, **EVENT_OPTIONS)


def wire_comparison(
    studio: Studio, selected: gr.State, panel: ModelPanel, comparison: ComparisonPanel, results: gr.HTML
) -> None:
    """Connects the comparison, and the buttons Try and Compare of the selected model."""
    add = action(comparison_actions.add_to_comparison, studio)
    compare_one = action(comparison_actions.compare_one, studio)
    panel.compare.click(add, [selected, comparison.models], comparison.models, **EVENT_OPTIONS)
    tried = panel.try_it.click(compare_one, selected, comparison.models, **EVENT_OPTIONS)
    compare = action(comparison_actions.compare, studio)
    options = {
        "show_progress_on": results,
        "concurrency_limit": MAX_CONCURRENT_JOBS,
        "api_visibility": "private",
    }
    for event in (comparison.start.click, tried.success):
        event(compare, comparison.inputs, results, **options)
