"""Run: any run, as its folder tells it."""

from typing import Literal

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.train.report import files as report_files
from ui_components.train.run import actions as run_actions
from ui_components.train.run import controls as run_controls
from ui_components.train.run.actions import POLL_S, Seen
from ui_components.train.run.charts import chart_board
from ui_components.train.run.log_view import LEVELS
from ui_components.train.run.samples_view import NEWEST
from ui_components.widgets.download import wire_download

BUTTONS: dict[str, Literal["stop", "secondary"]] = {
    "Stop": "stop",
    "Kill": "stop",
    "Resume": "secondary",
    "Use these settings": "secondary",
    "Report as PNG": "secondary",
    "Report as HTML": "secondary",
    "TensorBoard": "secondary",
    "Delete": "secondary",
}


def run_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers, run: gr.State, settings_of: gr.State) -> None:
    """`run`: the id of the run that is watched; it changes when one was started elsewhere. `settings_of` is set to a
    run's id when its settings are wanted in the form of a new one."""
    seen, asked, chosen_epoch = gr.State(Seen()), gr.State(None), gr.State(NEWEST)
    selector = gr.Dropdown(label="Run")
    progress = gr.HTML()
    with gr.Row(elem_classes="qal-actions"):
        buttons = [
            gr.Button(name, visible=False, variant=kind, size="md", elem_classes=name.lower(), link_target="_blank")
            for name, kind in BUTTONS.items()
        ]
    with gr.Row(visible=False, elem_classes="qal-question") as question:
        sentence = gr.HTML()
        yes = gr.Button("Yes", variant="stop", size="md")
        no = gr.Button("No", size="md")
    charts = chart_board("large")
    report = gr.HTML()
    with gr.Accordion("What it hears", visible=False) as samples_part:
        epoch = gr.Dropdown([(NEWEST, NEWEST)], value=NEWEST, label="After")
        samples = gr.HTML()
    with gr.Accordion("Machine and optimisation", open=False, visible=False) as machine_part:
        machine = chart_board("small")
    with gr.Accordion("Log", open=False, visible=False) as log_part:
        with gr.Row():
            level = gr.Radio(LEVELS, value="all", label="Level", scale=3, min_width=320)
            words = gr.Textbox(
                "", label="Search the log", max_lines=1, max_length=200, scale=2, elem_classes="qal-search"
            )
        log = gr.HTML()

    shown = [selector, progress, *buttons, charts, machine, machine_part, report]
    shown += [epoch, samples, samples_part, log, log_part, asked, question, seen]
    told = [run, chosen_epoch, level, words, asked, seen]
    watch = action(run_actions.watch, studio)
    page.load(watch, told, shown, **EVENT_OPTIONS)
    gr.Timer(POLL_S).tick(watch, told, shown, **EVENT_OPTIONS)
    selector.input(lambda chosen: chosen, selector, run, **EVENT_OPTIONS)
    epoch.input(lambda chosen: chosen, epoch, chosen_epoch, **EVENT_OPTIONS)
    gr.on([*opened, run.change, chosen_epoch.change, level.change], watch, told, shown, **EVENT_OPTIONS)
    words.change(watch, told, shown, trigger_mode="always_last", **EVENT_OPTIONS)

    stop, kill, resume, settings, png, page_file, _, delete = buttons
    for button, act in ((stop, run_controls.stop), (resume, run_controls.resume)):
        button.click(action(act, studio), selector, None, **EVENT_OPTIONS).then(watch, told, shown, **EVENT_OPTIONS)
    for button, ask in ((kill, run_controls.ask_kill), (delete, run_controls.ask_delete)):
        button.click(action(ask, studio), selector, [asked, question, sentence, yes], **EVENT_OPTIONS)
    no.click(action(run_controls.withdraw, studio), None, [asked, question], **EVENT_OPTIONS)
    confirmed = yes.click(action(run_controls.confirm, studio), [asked, run], [asked, question, run], **EVENT_OPTIONS)
    confirmed.then(watch, told, shown, **EVENT_OPTIONS)
    wanted = settings.click(
        lambda: None, None, settings_of, **EVENT_OPTIONS
    )  # so that the same run can be wanted again
    wanted.then(action(run_controls.use_settings, studio), selector, settings_of, **EVENT_OPTIONS)
    for button, make in ((png, report_files.download_png), (page_file, report_files.download_html)):
        wire_download(button, action(make, studio), [selector])
