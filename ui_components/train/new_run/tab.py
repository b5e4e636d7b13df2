"""The New run tab: the form with all settings, its problems and estimate, the learning rate finder, and Start."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.data.sample_corpus import FETCH_LABEL, fetch_sample
from ui_components.train.new_run import actions as new_run_actions
from ui_components.train.new_run import learning_rate_finder
from ui_components.train.new_run.learning_rate_finder import POLL_S, SearchUpdate
from ui_components.train.new_run.outputs import AugmentationUpdate, FormChoices, FormFeedback, FormUpdate, LoadedRun
from ui_components.train.new_run.settings import (
    ACCORDIONS,
    AUGMENTATION_PRESET,
    BASIC_SETTINGS,
    FORM_SETTINGS,
    LABELS,
    SOURCE_SETTINGS,
    accordion_id,
    form_sections,
)
from ui_components.widgets.choices import language_choices
from ui_components.widgets.forms import Form, Setting, component_arguments, to_component_value

CHECK_OPTIONS = {**EVENT_OPTIONS, "trigger_mode": "always_last"}  # during a check, only the last change is kept
TASK_CHOICES = [("Fine-tune", "finetune"), ("Distil (no transcripts needed)", "distill")]


class SidePanel(NamedTuple):
    """The components beside the form."""

    problems: gr.HTML
    estimate: gr.HTML
    start: gr.Button
    find_learning_rate: gr.Button
    search: SearchUpdate
    differences: gr.HTML
    reset: gr.Button


class YamlSection(NamedTuple):
    """The components below the form."""

    command_line: gr.Code
    yaml: gr.Code
    pasted: gr.Code
    load: gr.Button
    upload: gr.UploadButton


def new_run_tab(studio: Studio, opened: EventTriggers, run: gr.State, copied_run: gr.State, tabs: gr.Tabs) -> None:
    """Creates the components of the New run tab and wires their events.

    Args:
        studio: the studio.
        opened: events after which the choices of the form are updated.
        run: the id of the run on the Run tab; it is set when a run starts.
        copied_run: the id of a run; when it changes, the form loads the settings of that run.
        tabs: the tabs below Train.
    """
    form = Form(FORM_SETTINGS, new_run_actions.first_config(studio), LABELS, CUSTOM_COMPONENTS)
    note = gr.HTML()
    fetch = gr.Button(FETCH_LABEL, visible=False)
    with gr.Row(elem_classes="qal-newrun"):
        preset = add_fields(form)
        panel = add_side_panel()
    text = add_yaml_section()
    feedback = FormFeedback(
        problems=panel.problems,
        differences=panel.differences,
        reset=panel.reset,
        estimate=panel.estimate,
        start=panel.start,
        find_learning_rate=panel.find_learning_rate,
        command_line=text.command_line,
        yaml=text.yaml,
    )
    update = FormUpdate(preset, tuple(form.components), feedback)
    choices = FormChoices(preset, form["base"], form["corpus"], form["retention.corpora"], note, fetch, feedback)
    wire_choices(studio, opened, update, choices)
    wire_checks(studio, form, update)
    wire_loading(studio, update, text, copied_run, tabs)
    started = action(new_run_actions.start, studio)
    panel.start.click(started, form.components, [run, tabs], **EVENT_OPTIONS)
    applied = wire_finder(studio, opened, panel, form)
    applied.success(action(new_run_actions.check, studio), [preset, *form.components], list(feedback), **EVENT_OPTIONS)


def add_fields(form: Form) -> gr.Dropdown:
    """Creates the components of the settings. Returns the preset drop-down."""
    with gr.Column(scale=5, min_width=320, elem_classes="qal-fields"):
        preset = gr.Dropdown(label="Preset", interactive=True, elem_id="set-preset")
        form.add(*SOURCE_SETTINGS, *BASIC_SETTINGS)
        for title in ACCORDIONS:
            add_accordion(form, title)
    return preset


def add_accordion(form: Form, title: str) -> None:
    """Creates a closed accordion with its settings; the browser draws them when it is opened."""
    with gr.Accordion(title, open=False, elem_id=accordion_id(title)):
        for section in form_sections(title):
            if section.heading:
                gr.HTML(f"<h3>{section.heading}</h3>")
            with gr.Column(elem_classes="qal-grid"):
                form.add(*section.names)


def add_side_panel() -> SidePanel:
    """Creates the problems, the estimate, the buttons and the learning rate finder beside the form."""
    with gr.Column(scale=3, min_width=300, elem_classes="qal-side"):
        problems, estimate = gr.HTML(), gr.HTML()
        with gr.Row():
            start = gr.Button("Start", variant="primary", min_width=110, interactive=False)
            find_learning_rate = gr.Button("Learning rate finder", min_width=170, interactive=False)
        search = SearchUpdate(
            note=gr.HTML(),
            curve=gr.Plot(visible=False, show_label=False),
            use=gr.Button("Use this rate", visible=False),
            timer=gr.Timer(POLL_S, active=False),
        )
        differences = gr.HTML()
        reset = gr.Button("Reset to preset", visible=False)
    return SidePanel(problems, estimate, start, find_learning_rate, search, differences, reset)


def add_yaml_section() -> YamlSection:
    """Creates the command line, the YAML of the settings, and the fields to load a YAML."""
    command_line = gr.Code(
        label="Command line", wrap_lines=True, lines=1, interactive=False, elem_classes="qal-command"
    )
    with gr.Accordion("Settings as YAML", open=False):
        yaml = gr.Code(show_label=False, language="yaml", lines=12, max_lines=30, interactive=False)
    with gr.Accordion("Load YAML", open=False):
        pasted = gr.Code(label="Paste settings", language="yaml", lines=6, max_lines=20, interactive=True)
        with gr.Row():
            load = gr.Button("Load pasted settings")
            upload = gr.UploadButton("Load a file", file_types=[".yaml", ".yml"], type="filepath")
    return YamlSection(command_line, yaml, pasted, load, upload)


def wire_choices(studio: Studio, opened: EventTriggers, form: FormUpdate, choices: FormChoices) -> None:
    """Updates the choices when the tab is opened, and after a download of the sample dataset."""
    update_choices = flat_action(new_run_actions.update_choices, studio)
    inputs, outputs = [form.preset, *form.settings], list(flattened(choices))
    gr.on(opened, update_choices, inputs, outputs, **EVENT_OPTIONS)
    fetch_outputs = [choices.note, choices.fetch]
    fetched = choices.fetch.click(action(fetch_sample, studio), None, fetch_outputs, **EVENT_OPTIONS)
    fetched.success(update_choices, inputs, outputs, **EVENT_OPTIONS)


def wire_checks(studio: Studio, form: Form, update: FormUpdate) -> None:
    """Checks the form after each change; the augmentation preset also fills the transforms."""
    inputs = [update.preset, *update.settings]
    augmentation_preset = form[AUGMENTATION_PRESET]
    changes = [component.input for component in form.components if component is not augmentation_preset]
    gr.on(changes, action(new_run_actions.check, studio), inputs, list(update.feedback), **CHECK_OPTIONS)
    outputs = flattened(AugmentationUpdate(update.settings, update.feedback))
    apply_preset = flat_action(new_run_actions.apply_augmentation_preset, studio)
    augmentation_preset.input(apply_preset, inputs, list(outputs), **EVENT_OPTIONS)


def wire_loading(studio: Studio, update: FormUpdate, text: YamlSection, copied_run: gr.State, tabs: gr.Tabs) -> None:
    """Fills the form from a preset, a run, a pasted YAML or a YAML file."""
    inputs, outputs = [update.preset, *update.settings], list(flattened(update))
    load_preset = flat_action(new_run_actions.load_preset, studio)
    gr.on([update.preset.input, update.feedback.reset.click], load_preset, inputs, outputs, **EVENT_OPTIONS)
    load_run, run_outputs = flat_action(new_run_actions.load_run, studio), LoadedRun(copied_run, tabs, update)
    copied_run.change(load_run, [copied_run, *inputs], list(flattened(run_outputs)), **EVENT_OPTIONS)
    load_yaml = flat_action(new_run_actions.load_yaml, studio)
    text.load.click(load_yaml, [text.pasted, *inputs], outputs, **EVENT_OPTIONS)
    load_file = flat_action(new_run_actions.load_yaml_file, studio)
    text.upload.upload(load_file, [text.upload, *inputs], outputs, **EVENT_OPTIONS)


def wire_finder(studio: Studio, opened: EventTriggers, panel: SidePanel, form: Form) -> Dependency:
    """Wires the learning rate finder. Returns the event that applies the suggested rate."""
    search_run: gr.State = gr.State(None)  # id of the run of the search
    search = panel.search
    started = [search_run, search.timer]
    gr.on(opened, action(learning_rate_finder.join_search, studio), search_run, started, **EVENT_OPTIONS)
    start_search = action(learning_rate_finder.start_search, studio)
    panel.find_learning_rate.click(start_search, form.components, started, **EVENT_OPTIONS)
    refresh_search = action(learning_rate_finder.refresh_search, studio)
    search.timer.tick(refresh_search, search_run, list(search), **EVENT_OPTIONS)
    suggested_rate = action(learning_rate_finder.suggested_rate, studio)
    return search.use.click(suggested_rate, search_run, form["learning_rate"], **EVENT_OPTIONS)


def flattened(outputs: tuple[Any, ...]) -> Iterator[Any]:
    """Yields the values or components of nested NamedTuples, in order."""
    for output in outputs:
        if isinstance(output, tuple):
            yield from flattened(output)
        else:
            yield output


def flat_action(handler: Callable[..., tuple[Any, ...]], studio: Studio) -> Callable[..., list[Any]]:
    """Binds a handler to the studio; its nested result becomes the list of values that Gradio expects."""
    bound = action(handler, studio)

    @functools.wraps(bound)
    def run_handler(*arguments: Any) -> list[Any]:
        return list(flattened(bound(*arguments)))

    return run_handler


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
