"""The parts of the Data tab around the table: the dashboard, the editor of a clip, marks of many, the whole dataset."""

from typing import NamedTuple

import gradio as gr
from gradio.components import Component

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.data.add.tab import JobsPanel, show_started
from ui_components.data.corpora import split_choices
from ui_components.data.dashboard import editing, managing
from ui_components.data.rows_table import RowsTable
from ui_components.train.run.charts import chart_board
from ui_components.widgets.audio_view.component import AudioView

UNITS = [("Speaker", "speaker"), ("Text", "text"), ("Recording", "recording")]


class DashboardParts(NamedTuple):
    """The components of the dashboard, in the order of `actions.Dashboard` before the filters."""

    overview: gr.HTML
    charts: gr.HTML
    characters: gr.HTML


class Question(NamedTuple):
    """The components that ask for a confirmation."""

    pending: gr.State
    row: gr.Row
    question: gr.HTML
    confirm: gr.Button
    cancel: gr.Button

    @property
    def outputs(self) -> list[Component]:
        return [self.pending, self.row, self.question]  # type: ignore[list-item]  # a row is a block


class Editor(NamedTuple):
    """The editor of the opened clip."""

    opened: gr.State
    column: gr.Column
    text: gr.Textbox
    split: gr.Dropdown
    unmark: gr.Button
    save: gr.Button
    mark: gr.Dropdown
    add_mark: gr.Button

    @property
    def outputs(self) -> list[Component]:
        """The outputs of `actions.ClipOpened` after the audio view."""
        return [self.opened, self.column, self.text, self.split, self.unmark]  # type: ignore[list-item]


def dashboard_parts() -> DashboardParts:
    overview = gr.HTML()
    with gr.Accordion("Charts", open=True):
        charts = chart_board("small")
    with gr.Accordion("Characters and vocabulary", open=False):
        characters = gr.HTML()
    return DashboardParts(overview, charts, characters)


def question_row() -> Question:
    with gr.Row(visible=False, elem_classes="qal-question") as row:
        question = gr.HTML()
        confirm = gr.Button("Confirm", variant="stop", size="md")
        cancel = gr.Button("Cancel", size="md")
    return Question(gr.State(None), row, question, confirm, cancel)


def clip_editor() -> Editor:
    """Lays out the editor, hidden until a clip is open."""
    with gr.Column(visible=False, elem_classes="qal-editor") as column:
        text = gr.Textbox("", label="Text of the clip", lines=2, max_lines=6)
        with gr.Row():
            split = gr.Dropdown(split_choices()[1:], label="Split of the clip", min_width=120)
            save = gr.Button("Save", variant="primary", min_width=90)
        with gr.Row():
            mark = gr.Dropdown(
                [*editing.MARKS], value=editing.MARKS[0], label="Mark", allow_custom_value=True, min_width=180, scale=3
            )
            add_mark = gr.Button("Leave out", min_width=90)
            unmark = gr.Button("Use again", visible=False, min_width=90)
    return Editor(gr.State(None), column, text, split, unmark, save, mark, add_mark)


def wire_editor(studio: Studio, editor: Editor, table: RowsTable, view: AudioView, refresh: dict) -> None:
    """Connects the editor; `refresh` holds the arguments of the event that updates the table and the dashboard."""
    outputs = [table.row_index, *view.outputs, *editor.outputs]
    edits = (
        ([editor.save.click], editing.save_clip, [editor.opened, editor.text, editor.split]),
        ([editor.add_mark.click], editing.mark_clip, [editor.opened, editor.mark]),
        ([editor.unmark.click], editing.unmark_clip, [editor.opened]),
    )
    for events, handler, inputs in edits:
        gr.on(events, action(handler, studio), inputs, outputs, **EVENT_OPTIONS).success(**refresh)


def bulk_marks(studio: Studio, corpus: gr.Dropdown, table: RowsTable, refresh: dict) -> None:
    """Adds the marks of all clips that match the filters."""
    with gr.Accordion("Mark all matching clips", open=False):
        with gr.Row():
            mark = gr.Dropdown(
                [*editing.MARKS], value=editing.MARKS[0], label="Mark of all", allow_custom_value=True, min_width=120
            )
            add = gr.Button("Leave out all matching", min_width=120)
            remove = gr.Button("Use all matching again", min_width=120)
        question = question_row()
    values = list(table.filters.values())
    add.click(action(editing.ask_mark, studio), [corpus, mark, *values], question.outputs, **EVENT_OPTIONS)
    remove.click(action(editing.ask_unmark, studio), [corpus, *values], question.outputs, **EVENT_OPTIONS)
    question.cancel.click(action(editing.cancel_bulk, studio), None, question.outputs, **EVENT_OPTIONS)
    done = question.confirm.click(
        action(editing.confirm_bulk, studio), question.pending, question.outputs, **EVENT_OPTIONS
    )
    done.success(**refresh)


def dataset_actions(studio: Studio, corpus: gr.Dropdown, shown: gr.State, panel: JobsPanel) -> None:
    """Adds what changes a whole dataset. `shown` is set to the folder of the dataset that is shown next."""
    title = "Check, split, rename or delete the dataset"
    with gr.Accordion(title, open=False, elem_classes="qal-manage") as accordion:
        with gr.Row():
            model = gr.Dropdown([managing.NO_MODEL], value="", label="Compare text and audio with", min_width=160)
            check = gr.Button("Check quality", min_width=120)
        with gr.Row():
            unit = gr.Dropdown(UNITS, value="speaker", label="Split anew by", min_width=160)
            split = gr.Button("Split anew", min_width=120)
        with gr.Row():
            name = gr.Textbox("", label="New name", max_length=64, min_width=160)
            rename = gr.Button("Rename", min_width=120)
        delete = gr.Button("Delete the dataset", variant="stop", min_width=120)
        question = question_row()
    accordion.expand(action(managing.update_models, studio), model, model, **EVENT_OPTIONS)
    checked = check.click(action(managing.start_check, studio), [corpus, model], panel.html, **EVENT_OPTIONS)
    show_started(checked, panel)
    split.click(action(managing.ask_split, studio), [corpus, unit], question.outputs, **EVENT_OPTIONS)
    rename.click(action(managing.ask_rename, studio), [corpus, name], question.outputs, **EVENT_OPTIONS)
    delete.click(action(managing.ask_delete, studio), corpus, question.outputs, **EVENT_OPTIONS)
    question.cancel.click(action(managing.cancel, studio), None, question.outputs, **EVENT_OPTIONS)
    question.confirm.click(
        action(managing.confirm, studio), question.pending, [*question.outputs, shown], **EVENT_OPTIONS
    )
