"""Buttons of the Run tab that use the run's model or name the run: caption, transcribe, evaluate, download, rename."""

from typing import Any, Literal, NamedTuple

import gradio as gr

from qal.engine.model_directory import is_model_directory
from qal.errors import ModelError
from qal.jobs.index import Entry
from qal.jobs.notes import MAX_TITLE_CHARS, check_title, read_notes, run_name
from qal.jobs.notes import rename as rename_run
from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.models.exports import UNCHANGED
from ui_components.models.view import DOWNLOAD_URL
from ui_components.train.run.controls import require_own_run, require_run
from ui_components.widgets.choices import model_choices

LIVE_TAB, TRANSCRIBE_TAB = "live", "transcribe"
# A click on a link with the attribute `download`: a navigation would end the page's connections.
DOWNLOAD_JS = f"""(run) => {{
  const link = document.createElement("a");
  link.href = `{DOWNLOAD_URL}?name=${{encodeURIComponent(run)}}&form={UNCHANGED}`;
  link.download = "";
  document.body.append(link);
  link.click();
  link.remove();
}}"""


class ModelButtons(NamedTuple):
    """The buttons; RunUpdate has the same field names."""

    caption: Any
    transcribe: Any
    evaluate: Any
    download: Any
    rename: Any


class RenameForm(NamedTuple):
    """The components that ask for a name, or the outputs of `ask_name`."""

    run: Any  # id of the run that is renamed
    row: Any
    title: Any


class UsedModel(NamedTuple):
    """Outputs of `use_model`. The tabs come last: the select event of a tab reads its model."""

    model: gr.Dropdown
    tabs: gr.Tabs


def add_model_buttons() -> ModelButtons:
    """Creates the buttons, hidden until a run is shown."""

    def button(label: str, css_class: str, variant: Literal["primary", "secondary"] = "secondary") -> gr.Button:
        return gr.Button(label, visible=False, variant=variant, size="md", elem_classes=css_class)

    with gr.Row(elem_classes="qal-actions"):
        return ModelButtons(
            caption=button("Caption with it", "caption", "primary"),
            transcribe=button("Transcribe with it", "transcribe"),
            evaluate=button("Evaluate it", "evaluate"),
            download=button("Download", "download-model"),
            rename=button("Rename", "rename"),
        )


def model_buttons(entry: Entry) -> ModelButtons:
    """The buttons of a run: those for its model are visible once the run has one."""
    has_model = has_usable_model(entry)
    return ModelButtons(
        caption=gr.Button(visible=has_model),
        transcribe=gr.Button(visible=has_model),
        evaluate=gr.Button(visible=has_model),
        download=gr.Button(visible=has_model),
        rename=gr.Button(visible=True),
    )


def has_usable_model(entry: Entry) -> bool:
    return entry.status.state == "finished" and is_model_directory(entry.run.model)


def wire_use(studio: Studio, buttons: ModelButtons, shown_run: gr.Dropdown, tabs: gr.Tabs, models: dict) -> None:
    """Connects the buttons that open another tab with the run's model.

    Args:
        studio: the studio.
        buttons: the buttons.
        shown_run: its value is the id of the run.
        tabs: the tabs of the page.
        models: the model drop-downs of the Live and the Transcribe tab, by the tab's id.
    """
    for button, tab in ((buttons.caption, LIVE_TAB), (buttons.transcribe, TRANSCRIBE_TAB)):
        inputs, outputs = [shown_run, gr.State(tab)], list(UsedModel(models[tab], tabs))
        button.click(action(use_model, studio), inputs, outputs, **EVENT_OPTIONS)


def use_model(studio: Studio, run_id: str | None, tab: str) -> UsedModel:
    """Chooses the model of a run on another tab and opens that tab. Raises ModelError if the run has no model."""
    run, choices = require_run(studio, run_id), model_choices(studio.runs, studio.model)
    if run.id not in {value for _, value in choices}:
        raise ModelError(f"run {run_name(run)} has no model; choose a finished run")
    return UsedModel(gr.Dropdown(choices=choices, value=run.id), gr.Tabs(selected=tab))


def wire_model_buttons(studio: Studio, buttons: ModelButtons, shown_run: gr.Dropdown, refresh: dict) -> None:
    """Adds the form for the name below the buttons, and connects Download and Rename with their handlers."""
    with gr.Row(visible=False, elem_classes="qal-question plain qal-rename") as row:
        title = gr.Textbox(label="Name of the run", max_lines=1, max_length=MAX_TITLE_CHARS, min_width=240)
        save = gr.Button("Save", variant="primary", size="md")
        cancel = gr.Button("Cancel", size="md")
    form = RenameForm(gr.State(None), row, title)
    buttons.download.click(None, shown_run, None, js=DOWNLOAD_JS, **EVENT_OPTIONS)
    buttons.rename.click(action(ask_name, studio), shown_run, list(form), **EVENT_OPTIONS)
    cancel.click(lambda: gr.Row(visible=False), None, row, **EVENT_OPTIONS)
    shown_run.change(lambda: gr.Row(visible=False), None, row, **EVENT_OPTIONS)
    for event in (save.click, title.submit):
        event(action(rename, studio), [form.run, title], row, **EVENT_OPTIONS).success(**refresh)


def ask_name(studio: Studio, run_id: str | None, request: gr.Request) -> RenameForm:
    """Opens the form with the name of a run. Raises OptionError if the run is another user's."""
    run = require_own_run(studio, run_id, request)
    return RenameForm(run.id, gr.Row(visible=True), gr.Textbox(read_notes(run).title, placeholder=run.id))


def rename(studio: Studio, run_id: str | None, title: str, request: gr.Request) -> gr.Row:
    """Gives a run a name, which the pages show in place of its id, and closes the form; "" shows the id again.

    Raises OptionError if the run is another user's, or if another run has this name."""
    run = require_own_run(studio, run_id, request)
    taken = {entry.name for entry in studio.run_index.entries(studio.runs) if entry.id != run.id}
    rename_run(run, check_title(title, taken))
    return gr.Row(visible=False)
