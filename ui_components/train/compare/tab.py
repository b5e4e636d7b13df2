"""The Compare tab: all runs in a table, the selected ones side by side, and notes on runs."""

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from qal.jobs.notes import MAX_NOTE_CHARS, MAX_TITLE_CHARS
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.train.compare import actions as compare_actions
from ui_components.train.compare.actions import POLL_S, CompareUpdate, SentState
from ui_components.train.run.charts import chart_board

SCRIPT = Path(__file__).parent / "compare.js"
TEMPLATE = (
    '<div class="qal-find"><input type="search" placeholder="Filter by name, tag, base, dataset, state or user" '
    'aria-label="Filter the runs"><span class="count qal-muted" role="status"></span></div>${value}'
)
# Receives the selection from compare.js. A value is used because Gradio loses the data of an event that has to wait.
SELECTION_JS = """document.addEventListener("qal-runs-selected", ({ detail }) => {
  props.value = detail;
  trigger("change");
})"""
MAX_TAGS_CHARS = 4 * MAX_TITLE_CHARS


class NotesFields(NamedTuple):
    """The form with the notes of a run."""

    form: gr.Column
    heading: gr.HTML
    title: gr.Textbox
    tags: gr.Textbox
    note: gr.Textbox
    pinned: gr.Checkbox
    save: gr.Button
    close: gr.Button

    @property
    def inputs(self) -> list[gr.components.Component]:
        return [self.title, self.tags, self.note, self.pinned]


def compare_tab(studio: Studio, opened: EventTriggers, left: EventTriggers, run: gr.State, tabs: gr.Tabs) -> None:
    """Builds the tab.

    Args:
        studio: the studio.
        opened: events after which the tab is updated; the last is the selection of this tab.
        left: events after which the tab is no longer visible; it is not updated then.
        run: the id of the run that the Run tab shows.
        tabs: the tabs below Train.
    """
    sent, edited_run = gr.State(SentState()), gr.State(None)
    table = gr.HTML("", html_template=TEMPLATE, js_on_load=SCRIPT.read_text(encoding="utf-8"))
    selected = gr.HTML("[]", html_template="<span hidden></span>", js_on_load=SELECTION_JS)
    notes = add_notes_form()
    charts = chart_board("three")
    differences = gr.HTML()

    inputs, outputs = [selected, sent], list(CompareUpdate(table, charts, differences, sent))
    refresh = action(compare_actions.refresh, studio)
    gr.on([*opened, selected.change], refresh, inputs, outputs, trigger_mode="always_last", **EVENT_OPTIONS)
    timer = gr.Timer(POLL_S, active=False)
    timer.tick(refresh, inputs, outputs, **EVENT_OPTIONS)
    gr.on(opened[-1], lambda: gr.Timer(active=True), None, timer, **EVENT_OPTIONS)
    gr.on(left, lambda: gr.Timer(active=False), None, timer, **EVENT_OPTIONS)
    table.open(action(compare_actions.open_run, studio), None, [run, tabs], **EVENT_OPTIONS)
    form_outputs = [edited_run, notes.heading, *notes.inputs, notes.form]
    table.edit(action(compare_actions.edit_notes, studio), None, form_outputs, **EVENT_OPTIONS)
    save_inputs = [edited_run, *notes.inputs]
    saved = notes.save.click(action(compare_actions.save_notes, studio), save_inputs, notes.form, **EVENT_OPTIONS)
    saved.success(refresh, inputs, outputs, **EVENT_OPTIONS)
    notes.close.click(lambda: gr.Column(visible=False), None, notes.form, **EVENT_OPTIONS)


def add_notes_form() -> NotesFields:
    with gr.Column(visible=False, elem_classes="qal-form") as form:
        heading = gr.HTML()
        title = gr.Textbox(label="Title", max_lines=1, max_length=MAX_TITLE_CHARS)
        tags = gr.Textbox(label="Tags (comma-separated)", max_lines=1, max_length=MAX_TAGS_CHARS)
        note = gr.Textbox(label="Note", lines=3, max_length=MAX_NOTE_CHARS)
        pinned = gr.Checkbox(label="Pin to top")
        with gr.Row(elem_classes="qal-question plain"):
            save = gr.Button("Save", variant="primary", size="md")
            close = gr.Button("Close", size="md")
    return NotesFields(form, heading, title, tags, note, pinned, save, close)
