"""The Run tab: progress, charts, samples, log and buttons of one run."""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.train.report import files as report_files
from ui_components.train.run import actions as run_actions
from ui_components.train.run import controls as run_controls
from ui_components.train.run.actions import NO_RUN, STARTING, RunButtons, RunUpdate, SentState
from ui_components.train.run.charts import chart_board
from ui_components.train.run.log_view import LEVEL_CHOICES
from ui_components.train.run.model_actions import ModelButtons, add_model_buttons, wire_model_buttons
from ui_components.train.run.samples_view import LATEST
from ui_components.widgets.download import wire_download

POLL_SCRIPT = Path(__file__).parent / "poll.js"
SHOW_STARTING = f"(html) => html.includes({json.dumps(NO_RUN)}) ? {json.dumps(STARTING)} : html"


class QuestionRow(NamedTuple):
    """The components that ask for a confirmation."""

    row: gr.Row
    question: gr.HTML
    confirm: gr.Button
    cancel: gr.Button


class MachineSection(NamedTuple):
    """The charts of the machine and the optimisation; RunUpdate has the same field names."""

    machine_charts: gr.HTML
    machine_accordion: gr.Accordion


class SamplesSection(NamedTuple):
    """The sample predictions; RunUpdate has the same field names."""

    samples_accordion: gr.Accordion
    epoch: gr.Dropdown
    samples: gr.HTML


class LogSection(NamedTuple):
    """The log with its filters."""

    accordion: gr.Accordion
    level: gr.Radio
    query: gr.Textbox
    log: gr.HTML


class RunTab(NamedTuple):
    """The parts of the tab that other tabs use."""

    selector: gr.Dropdown  # its value is the id of the shown run
    model_buttons: ModelButtons
    refresh: dict[str, Any]  # the arguments of the event that updates the tab


def run_tab(studio: Studio, opened: EventTriggers, run: gr.State, copied_run: gr.State) -> RunTab:
    """Builds the tab and returns the parts that other tabs use.

    Args:
        studio: the studio.
        opened: events after which the tab is updated.
        run: the id of the run that is shown; other tabs set it.
        copied_run: is set to the id of the run whose settings the New run form should load.
    """
    sent, pending, chosen_epoch = gr.State(SentState()), gr.State(None), gr.State(LATEST)
    selector = gr.Dropdown(label="Run")
    progress = gr.HTML(js_on_load=POLL_SCRIPT.read_text(encoding="utf-8"))
    model_buttons = add_model_buttons()
    rename_place = gr.Column(elem_classes="qal-rename-place")
    buttons = add_buttons()
    question = add_question_row()
    charts = chart_board("large")
    report = gr.HTML()
    samples = add_samples_section()
    machine = add_machine_section()
    log = add_log_section()

    outputs = RunUpdate(
        selector=selector,
        progress=progress,
        **buttons._asdict(),
        **model_buttons._asdict(),
        charts=charts,
        **machine._asdict(),
        report=report,
        **samples._asdict(),
        log=log.log,
        log_accordion=log.accordion,
        pending=pending,
        question_row=question.row,
        sent=sent,
    )
    refresh = {
        "fn": action(run_actions.refresh, studio),
        "inputs": [run, chosen_epoch, log.level, log.query, pending, sent],
        "outputs": list(outputs),
        **EVENT_OPTIONS,
    }
    # The page replaces the note "No run yet" at once: the server may be busy while the job's process starts.
    run.change(None, progress, progress, js=SHOW_STARTING, **EVENT_OPTIONS)
    wire_refresh(progress, [*opened, run.change, chosen_epoch.change, log.level.change], log.query, refresh)
    selector.input(lambda chosen: chosen, selector, run, **EVENT_OPTIONS)
    samples.epoch.input(lambda chosen: chosen, samples.epoch, chosen_epoch, **EVENT_OPTIONS)
    wire_buttons(studio, buttons, selector, copied_run, refresh)
    wire_question(studio, buttons, question, selector, pending, run, refresh)
    with rename_place:
        wire_model_buttons(studio, model_buttons, selector, refresh)
    return RunTab(selector, model_buttons, refresh)


def add_buttons() -> RunButtons:
    """Creates the buttons of the run, hidden until a run is shown."""

    def button(label: str, css_class: str, variant: Literal["stop", "secondary"] = "secondary") -> gr.Button:
        return gr.Button(label, visible=False, variant=variant, size="md", elem_classes=css_class, link_target="_blank")

    with gr.Row(elem_classes="qal-actions"):
        return RunButtons(
            stop=button("Stop", "stop", "stop"),
            kill=button("Kill", "kill", "stop"),
            resume=button("Resume", "resume"),
            despite_gate=button("Export despite the gate", "despite-gate"),
            new_run=button("New run with these settings", "new-run"),
            report_png=button("Report as PNG", "report-png"),
            report_html=button("Report as HTML", "report-html"),
            tensorboard=button("TensorBoard", "tensorboard"),
            delete=button("Delete", "delete"),
        )


def add_question_row() -> QuestionRow:
    with gr.Row(visible=False, elem_classes="qal-question") as row:
        question = gr.HTML()
        confirm = gr.Button("Confirm", variant="stop", size="md")
        cancel = gr.Button("Cancel", size="md")
    return QuestionRow(row, question, confirm, cancel)


def add_machine_section() -> MachineSection:
    with gr.Accordion("Machine and optimisation", open=False, visible=False) as accordion:
        charts = chart_board("small")
    return MachineSection(charts, accordion)


def add_samples_section() -> SamplesSection:
    with gr.Accordion("Sample predictions", visible=False) as accordion:
        epoch = gr.Dropdown([(LATEST, LATEST)], value=LATEST, label="Epoch")
        samples = gr.HTML()
    return SamplesSection(accordion, epoch, samples)


def add_log_section() -> LogSection:
    with gr.Accordion("Log", open=False, visible=False) as accordion:
        with gr.Row():
            level = gr.Radio(LEVEL_CHOICES, value="all", label="Level", scale=3, min_width=320)
            query = gr.Textbox(
                "", label="Search the log", max_lines=1, max_length=200, scale=2, elem_classes="qal-search"
            )
        log = gr.HTML()
    return LogSection(accordion, level, query, log)


def wire_refresh(progress: gr.HTML, triggers: EventTriggers, query: gr.Textbox, refresh: dict[str, Any]) -> None:
    """Updates the tab when poll.js asks for it, after the triggers, and for each query.

    Each event costs Gradio's page a quarter of a second or more on a slow machine, whatever it updates, so the tab asks
    only while it is visible, and only when the server has said that something changed (qal.api.studio.run_changes)."""
    progress.poll(**refresh)  # pyright: ignore[reportAttributeAccessIssue]
    gr.on(triggers, **refresh)
    query.change(trigger_mode="always_last", **refresh)


def wire_buttons(
    studio: Studio, buttons: RunButtons, selector: gr.Dropdown, copied_run: gr.State, refresh: dict
) -> None:
    """Wires the buttons that need no confirmation; `refresh` holds the arguments of the event that updates the tab."""
    for button, handler in (
        (buttons.stop, run_controls.stop),
        (buttons.resume, run_controls.resume),
        (buttons.despite_gate, run_controls.export_despite_gate),
    ):
        button.click(action(handler, studio), selector, None, **EVENT_OPTIONS).then(**refresh)
    # The state is cleared first, because its change event needs a new value even for the same run.
    cleared = buttons.new_run.click(lambda: None, None, copied_run, **EVENT_OPTIONS)
    cleared.then(action(run_controls.request_new_run, studio), selector, copied_run, **EVENT_OPTIONS)
    wire_download(buttons.report_png, action(report_files.download_png, studio), [selector])
    wire_download(buttons.report_html, action(report_files.download_html, studio), [selector])


def wire_question(
    studio: Studio,
    buttons: RunButtons,
    question: QuestionRow,
    selector: gr.Dropdown,
    pending: gr.State,
    run: gr.State,
    refresh: dict,
) -> None:
    """Wires the buttons that need a confirmation.

    Args:
        studio: the studio.
        buttons: the buttons of the run.
        question: the components that ask for the confirmation.
        selector: holds the id of the run that the buttons act on.
        pending: the action that waits for the confirmation.
        run: the id of the run that is shown.
        refresh: the arguments of the event that updates the tab.
    """
    question_outputs = [pending, question.row, question.question, question.confirm]
    for button, handler in ((buttons.kill, run_controls.ask_kill), (buttons.delete, run_controls.ask_delete)):
        button.click(action(handler, studio), selector, question_outputs, **EVENT_OPTIONS)
    question.cancel.click(action(run_controls.cancel, studio), None, [pending, question.row], **EVENT_OPTIONS)
    confirmed = question.confirm.click(
        action(run_controls.confirm, studio), [pending, run], [pending, question.row, run], **EVENT_OPTIONS
    )
    confirmed.then(**refresh)
