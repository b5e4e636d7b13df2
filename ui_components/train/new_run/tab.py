"""The New run tab: the form with all settings, its problems and estimate, the learning rate finder, and Start."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.data.sample_corpus import FETCH_LABEL, fetch_sample
from ui_components.train.new_run import actions as new_run_actions
from ui_components.train.new_run import learning_rate_finder, starting
from ui_components.train.new_run.fields import CUSTOM_COMPONENTS, add_fields
from ui_components.train.new_run.form_state import FormState
from ui_components.train.new_run.learning_rate_finder import POLL_S, SearchUpdate
from ui_components.train.new_run.outputs import (
    AugmentationUpdate,
    FormChoices,
    FormFeedback,
    FormUpdate,
    LoadedRun,
    StartedRun,
    flat_action,
    flattened,
)
from ui_components.train.new_run.settings import (
    AUGMENTATION_PRESET,
    FORM_SETTINGS,
    LABELS,
)
from ui_components.widgets.forms import Form

STORAGE_KEY = "qal-new-run"  # of the form in the browser's storage; it holds no secrets
CHECK_OPTIONS = {**EVENT_OPTIONS, "trigger_mode": "always_last"}  # during a check, only the last change is kept


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


class NewRunTab(NamedTuple):
    """The parts of the tab that the page uses."""

    started: Dependency  # the event that starts a run
    stored: gr.BrowserState  # not rendered: the browser reads it only if it is outside of the tabs


@dataclass(frozen=True)
class NewRunForm:
    """The components of the form and of the form's state."""

    form: Form
    preset: gr.Dropdown
    feedback: FormFeedback

    @property
    def inputs(self) -> list[Any]:
        """The inputs of most handlers: state, preset, name, and the settings."""
        return [self.feedback.state, self.preset, self.feedback.name, *self.form.components]

    @property
    def update(self) -> FormUpdate:
        """The outputs of the handlers that fill the form."""
        return FormUpdate(self.preset, tuple(self.form.components), self.feedback)


def new_run_tab(studio: Studio, opened: EventTriggers, run: gr.State, copied_run: gr.State, tabs: gr.Tabs) -> NewRunTab:
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
        basic = add_fields(studio, form)
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
        name=basic.name,
        state=gr.State(FormState()),
        stored=gr.BrowserState(storage_key=STORAGE_KEY, secret=STORAGE_KEY, render=False),
    )
    new_run = NewRunForm(form, basic.preset, feedback)
    wire_choices(studio, opened, new_run, note, fetch)
    wire_checks(studio, new_run)
    wire_loading(studio, new_run, text, copied_run, tabs)
    applied = wire_finder(studio, opened, panel, new_run)
    applied.success(action(new_run_actions.check, studio), new_run.inputs, list(feedback), **EVENT_OPTIONS)
    return NewRunTab(wire_start(studio, new_run, run), feedback.stored)


def wire_start(studio: Studio, new_run: NewRunForm, run: gr.State) -> Dependency:
    """Shows all problems when Start is pressed, and starts the run if there are none."""
    feedback = new_run.feedback
    pressed = feedback.start.click(
        action(new_run_actions.press_start, studio), new_run.inputs, list(feedback), **EVENT_OPTIONS
    )
    inputs = [new_run.preset, feedback.name, *new_run.form.components]
    outputs = list(StartedRun(run, feedback.name))
    started = pressed.then(action(starting.start, studio), inputs, outputs, **EVENT_OPTIONS)
    started.then(action(new_run_actions.check, studio), new_run.inputs, list(feedback), **EVENT_OPTIONS)
    return started


def add_side_panel() -> SidePanel:
    """Creates the problems, the estimate, the buttons and the learning rate finder beside the form."""
    with gr.Column(scale=3, min_width=300, elem_classes="qal-side"):
        problems, estimate = gr.HTML(), gr.HTML()
        with gr.Row():
            start = gr.Button("Start", variant="primary", min_width=110, interactive=False)  # until the form is filled
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


def wire_choices(studio: Studio, opened: EventTriggers, new_run: NewRunForm, note: gr.HTML, fetch: gr.Button) -> None:
    """Updates the choices when the tab is opened, and after a download of the sample dataset."""
    update_choices = flat_action(new_run_actions.update_choices, studio)
    choices = FormChoices(new_run.preset, tuple(new_run.form.components), note, fetch, new_run.feedback)
    inputs, outputs = [new_run.feedback.stored, *new_run.inputs], list(flattened(choices))
    gr.on(opened, update_choices, inputs, outputs, **EVENT_OPTIONS)
    fetched = fetch.click(action(fetch_sample, studio), None, [note, fetch], **EVENT_OPTIONS)
    fetched.success(update_choices, inputs, outputs, **EVENT_OPTIONS)


def wire_checks(studio: Studio, new_run: NewRunForm) -> None:
    """Checks the form after each change; the augmentation preset also fills the transforms."""
    augmentation_preset = new_run.form[AUGMENTATION_PRESET]
    fields = [component for component in new_run.form.components if component is not augmentation_preset]
    changes = [field.input for field in [*fields, new_run.feedback.name]]
    changes += [field.change for field in fields if getattr(field, "multiselect", False)]  # Clear sends no input event
    gr.on(changes, action(new_run_actions.check, studio), new_run.inputs, list(new_run.feedback), **CHECK_OPTIONS)
    outputs = flattened(AugmentationUpdate(new_run.update.settings, new_run.feedback))
    apply_preset = flat_action(new_run_actions.apply_augmentation_preset, studio)
    augmentation_preset.input(apply_preset, new_run.inputs, list(outputs), **EVENT_OPTIONS)


def wire_loading(studio: Studio, new_run: NewRunForm, text: YamlSection, copied_run: gr.State, tabs: gr.Tabs) -> None:
    """Fills the form from a preset, a run, a pasted YAML or a YAML file."""
    inputs, outputs = new_run.inputs, list(flattened(new_run.update))
    choose_preset = flat_action(new_run_actions.choose_preset, studio)
    new_run.preset.input(choose_preset, inputs, outputs, **EVENT_OPTIONS)
    new_run.feedback.reset.click(flat_action(new_run_actions.load_preset, studio), inputs, outputs, **EVENT_OPTIONS)
    load_run, run_outputs = flat_action(new_run_actions.load_run, studio), LoadedRun(copied_run, tabs, new_run.update)
    copied_run.change(load_run, [copied_run, *inputs], list(flattened(run_outputs)), **EVENT_OPTIONS)
    load_yaml = flat_action(new_run_actions.load_yaml, studio)
    text.load.click(load_yaml, [text.pasted, *inputs], outputs, **EVENT_OPTIONS)
    load_file = flat_action(new_run_actions.load_yaml_file, studio)
    text.upload.upload(load_file, [text.upload, *inputs], outputs, **EVENT_OPTIONS)


def wire_finder(studio: Studio, opened: EventTriggers, panel: SidePanel, new_run: NewRunForm) -> Dependency:
    """Wires the learning rate finder. Returns the event that applies the suggested rate."""
    search_run: gr.State = gr.State(None)  # id of the run of the search
    search = panel.search
    started = [search_run, search.timer]
    gr.on(opened, action(learning_rate_finder.join_search, studio), search_run, started, **EVENT_OPTIONS)
    pressed = panel.find_learning_rate.click(
        action(new_run_actions.press_start, studio), new_run.inputs, list(new_run.feedback), **EVENT_OPTIONS
    )
    start_search = action(learning_rate_finder.start_search, studio)
    searching = pressed.then(start_search, new_run.form.components, started, **EVENT_OPTIONS)
    searching.then(action(new_run_actions.check, studio), new_run.inputs, list(new_run.feedback), **EVENT_OPTIONS)
    refresh_search = action(learning_rate_finder.refresh_search, studio)
    search.timer.tick(refresh_search, search_run, list(search), **EVENT_OPTIONS)
    suggested_rate = action(learning_rate_finder.suggested_rate, studio)
    return search.use.click(suggested_rate, search_run, new_run.form["learning_rate"], **EVENT_OPTIONS)
