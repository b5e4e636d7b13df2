"""New run: every setting, what is wrong with it, what it will take, and Start."""

from typing import Any, cast

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.data.sample_corpus import FETCH_LABEL, fetch_sample
from ui_components.train.new_run import actions as new_run_actions
from ui_components.train.new_run import learning_rate_finder as rate_finder
from ui_components.train.new_run.actions import OFFERED
from ui_components.train.new_run.learning_rate_finder import POLL_S
from ui_components.train.new_run.settings import BASIC, GROUPS, LABELS, MATERIAL, SETTINGS, group_element, sections
from ui_components.widgets.choices import language_choices
from ui_components.widgets.forms import Form, Setting, component_arguments, to_component_value

PRESET = "augmentation.preset"
LAST = {**EVENT_OPTIONS, "trigger_mode": "always_last"}  # while one is checked, only the newest of the others is kept


def new_run_tab(studio: Studio, opened: EventTriggers, run: gr.State, settings_of: gr.State, inner: gr.Tabs) -> None:
    """`run`: the id of the run that is watched, set when one starts. `settings_of`: the id of a run whose settings
    somebody wants in this form; it changes when they ask."""
    form = Form(SETTINGS, new_run_actions.first_config(studio), LABELS, SPECIAL)
    note = gr.HTML()
    fetch = gr.Button(FETCH_LABEL, visible=False)
    with gr.Row(elem_classes="qal-newrun"):
        with gr.Column(scale=5, min_width=320, elem_classes="qal-fields"):
            preset = gr.Dropdown(label="Preset", interactive=True, elem_id="set-preset")
            form.add(*MATERIAL, *BASIC)
            for group in GROUPS:
                add_group(form, group)
        with gr.Column(scale=3, min_width=300, elem_classes="qal-side"):
            problems, estimate = gr.HTML(), gr.HTML()
            with gr.Row():
                start = gr.Button("Start", variant="primary", min_width=110, interactive=False)
                find = gr.Button("Find a learning rate", min_width=170, interactive=False)
            search, curve = gr.HTML(), gr.Plot(visible=False, show_label=False)
            use = gr.Button("Use it", visible=False)
            differences = gr.HTML()
            back = gr.Button("Back to the preset", visible=False)
    command = gr.Code(label="Command line", wrap_lines=True, lines=1, interactive=False, elem_classes="qal-command")
    with gr.Accordion("YAML of these settings", open=False):
        text = gr.Code(show_label=False, language="yaml", lines=12, max_lines=30, interactive=False)
    with gr.Accordion("Load YAML", open=False):
        pasted = gr.Code(label="Paste settings", language="yaml", lines=6, max_lines=20, interactive=True)
        with gr.Row():
            load = gr.Button("Load what is pasted")
            upload = gr.UploadButton("Load a file", file_types=[".yaml", ".yml"], type="filepath")

    held = form.components
    state, told = [preset, *held], [problems, differences, back, estimate, start, find, command, text]
    offered = [preset, *(form[name] for name in OFFERED), note, fetch, *told]
    filled = [preset, *held, *told]
    offer = action(new_run_actions.offer, studio)
    gr.on(opened, offer, state, offered, **EVENT_OPTIONS)
    augmentation: Any = form[PRESET]
    checked = [component.input for component in cast(list[Any], held) if component is not augmentation]
    gr.on(checked, action(new_run_actions.check, studio), state, told, **LAST)
    augmentation.input(action(new_run_actions.augment, studio), state, [*held, *told], **EVENT_OPTIONS)
    gr.on([preset.input, back.click], action(new_run_actions.choose, studio), state, filled, **EVENT_OPTIONS)
    wanted = [settings_of, *state]
    settings_of.change(action(new_run_actions.load_run, studio), wanted, [settings_of, inner, *filled], **EVENT_OPTIONS)
    load.click(action(new_run_actions.load_text, studio), [pasted, *state], filled, **EVENT_OPTIONS)
    upload.upload(action(new_run_actions.load_file, studio), [upload, *state], filled, **EVENT_OPTIONS)
    start.click(action(new_run_actions.start, studio), held, [run, inner], **EVENT_OPTIONS)
    fetched = fetch.click(action(fetch_sample, studio), None, [note, fetch], **EVENT_OPTIONS)
    fetched.success(offer, state, offered, **EVENT_OPTIONS)

    taken = wire_finder(studio, opened, find, held, [search, curve, use], form["learning_rate"])
    taken.success(action(new_run_actions.check, studio), state, told, **EVENT_OPTIONS)


def wire_finder(
    studio: Studio, opened: EventTriggers, find: gr.Button, held: list[Any], shown_in: list[Any], rate: Any
) -> Dependency:
    """A search is a job, too: begun by `find`, followed in `shown_in` (its words, its curve, "use it") -> what happens
    when its rate has been taken."""
    finding: gr.State = gr.State(None)  # the id of the run that looks for a learning rate
    timer = gr.Timer(POLL_S, active=False)
    gr.on(opened, action(rate_finder.resume, studio), finding, [finding, timer], **EVENT_OPTIONS)
    find.click(action(rate_finder.find, studio), held, [finding, timer], **EVENT_OPTIONS)
    timer.tick(action(rate_finder.follow, studio), finding, [*shown_in, timer], **EVENT_OPTIONS)
    return shown_in[-1].click(action(rate_finder.take, studio), finding, rate, **EVENT_OPTIONS)


def add_group(form: Form, group: str) -> None:
    """An accordion, closed: what is in it is not drawn before it is opened."""
    with gr.Accordion(group, open=False, elem_id=group_element(group)):
        for heading, names in sections(group):
            if heading:
                gr.HTML(f"<h3>{heading}</h3>")
            with gr.Column(elem_classes="qal-grid"):
                form.add(*names)


def one_of_many(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    """Its choices come when the tab is opened."""
    return gr.Dropdown([value], value=value, **component_arguments(setting, label))


def some_of_many(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    return gr.Dropdown(value=[], multiselect=True, **component_arguments(setting, label))


def language(setting: Setting, value: Any, label: str) -> gr.Dropdown:
    choices = [("As each row says", ""), *language_choices()[1:]]
    return gr.Dropdown(choices, value=to_component_value(setting, value), **component_arguments(setting, label))


SPECIAL = {"base": one_of_many, "corpus": some_of_many, "retention.corpora": some_of_many, "language": language}
