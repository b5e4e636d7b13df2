"""The fields of the New run form: the basic ones, and the advanced settings in one closed accordion with a search."""

from typing import Any, NamedTuple

import gradio as gr

from qal.jobs.notes import MAX_TITLE_CHARS
from ui_components.app.studio import EVENT_OPTIONS, Studio
from ui_components.train.new_run.outputs import flat_action, flattened
from ui_components.train.new_run.settings import (
    ACCORDIONS,
    ADVANCED_ID,
    BASIC_SETTINGS,
    MAIN_ID,
    MAIN_SETTINGS,
    accordion_id,
    form_sections,
    section_id,
)
from ui_components.train.new_run.settings_filter import FilterUpdate, filter_settings
from ui_components.widgets.choices import language_choices
from ui_components.widgets.forms import Form, Setting, component_arguments, to_component_value

TASK_CHOICES = [("Fine-tune", "finetune"), ("Distil (no transcripts needed)", "distill")]
FILTER_OPTIONS = {**EVENT_OPTIONS, "trigger_mode": "always_last"}


class BasicFields(NamedTuple):
    """The fields of the form that are not settings of the trainer."""

    preset: gr.Dropdown
    name: gr.Textbox


def add_fields(studio: Studio, form: Form) -> BasicFields:
    """Creates the basic fields, and all other settings in one closed accordion with a search."""
    with gr.Column(scale=5, min_width=320, elem_classes="qal-fields"):
        form.add(*BASIC_SETTINGS)
        preset = gr.Dropdown(label="Preset", interactive=True, elem_id="set-preset")
        name = gr.Textbox(
            "",
            label="Name",
            info="Shown in all lists of runs and models. Empty: the suggested name.",
            max_length=MAX_TITLE_CHARS,
            max_lines=1,
            interactive=True,
            elem_id="set-name",
        )
        with gr.Accordion("Advanced settings", open=False, elem_id=ADVANCED_ID):
            add_advanced_settings(studio, form)
    return BasicFields(preset, name)


def add_advanced_settings(studio: Studio, form: Form) -> None:
    """Creates the search, the main settings, and an accordion for each group of the others."""
    query = gr.Textbox(
        "",
        label="Search the settings",
        placeholder="Label, name or help, for example: warm-up",
        max_lines=1,
        max_length=100,
        elem_classes="qal-search",
    )
    note = gr.HTML()
    with gr.Column(elem_id=MAIN_ID):
        form.add(*MAIN_SETTINGS)
    accordions = tuple(add_accordion(form, title) for title in ACCORDIONS)
    outputs = list(flattened(FilterUpdate(note, accordions)))
    query.change(flat_action(filter_settings, studio), query, outputs, **FILTER_OPTIONS)


def add_accordion(form: Form, title: str) -> gr.Accordion:
    """Creates a closed accordion with its settings; the browser draws them when it is opened."""
    with gr.Accordion(title, open=False, elem_id=accordion_id(title)) as accordion:
        for section in form_sections(title):
            if section.heading:
                gr.HTML(f"<h3>{section.heading}</h3>", elem_id=section_id(title, section.heading))
            with gr.Column(elem_classes="qal-grid"):
                form.add(*section.names)
    return accordion


def single_choice(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    """A drop-down whose choices are set when the tab is opened."""
    return gr.Dropdown([value], value=value, **component_arguments(setting, label))


def multiple_choice(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    """A drop-down for several values, whose choices are set when the tab is opened."""
    return gr.Dropdown(value=[], multiselect=True, **component_arguments(setting, label))


def task_choice(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    """The drop-down of the task: fine-tune or distil."""
    return gr.Dropdown(TASK_CHOICES, value=value, filterable=False, **component_arguments(setting, label))


def language_choice(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    """The drop-down of the language; its first choice takes the language from the dataset."""
    choices = [("Auto (from dataset)", ""), *language_choices()[1:]]
    return gr.Dropdown(choices, value=to_component_value(setting, value), **component_arguments(setting, label))


CUSTOM_COMPONENTS = {
    "method": task_choice,
    "base": single_choice,
    "corpus": multiple_choice,
    "retention.corpora": multiple_choice,
    "language": language_choice,
}
