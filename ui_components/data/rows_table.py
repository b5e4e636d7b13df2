"""The table of a dataset's clips, with search, split filter and pages. A click opens a clip in the audio view."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.data import actions
from ui_components.data.corpora import ALL_SPLITS, split_choices
from ui_components.data.views import PICK_JS
from ui_components.widgets.audio_view.component import AudioView

# While an event is processed, only the latest of the following ones is queued.
LATEST_ONLY = {**EVENT_OPTIONS, "trigger_mode": "always_last"}


@dataclass(frozen=True)
class RowsTable:
    """The components of the table."""

    search: gr.Textbox
    split: gr.Dropdown
    rows: gr.HTML
    position: gr.HTML
    page_number: gr.State
    row_index: gr.State  # of the opened clip
    back: gr.Button
    forward: gr.Button

    @property
    def inputs(self) -> list[Component]:
        """The inputs of `actions.show_page` after the corpus."""
        return [self.search, self.split, self.page_number, self.row_index]

    @property
    def outputs(self) -> list[Component]:
        """The outputs for an `actions.TableUpdate`."""
        return [self.rows, self.position, self.page_number, self.back, self.forward]


def rows_table(studio: Studio) -> RowsTable:
    with gr.Row(elem_classes="qal-search"):
        search = gr.Textbox("", label="Search", placeholder="Text, speaker, file", max_lines=1, min_width=180, scale=2)
        split = gr.Dropdown(split_choices(), value=ALL_SPLITS, label="Split", min_width=130)
    rows = gr.HTML("", js_on_load=PICK_JS)
    with gr.Row(elem_classes="qal-pager"):
        back = gr.Button("Back", min_width=80, scale=0)
        position = gr.HTML("")
        forward = gr.Button("Next", min_width=80, scale=0)
    return RowsTable(search, split, rows, position, gr.State(0), gr.State(None), back, forward)


def wire_table(studio: Studio, table: RowsTable, corpus: gr.Dropdown, view: AudioView) -> Dependency:
    """Connects the table with its handlers. Returns the event that opens a clip."""
    inputs, outputs = [corpus, *table.inputs], table.outputs
    first, previous = action(actions.show_first_page, studio), action(actions.show_previous_page, studio)
    gr.on([table.search.change, table.split.input], first, inputs, outputs, **LATEST_ONLY)
    table.back.click(previous, inputs, outputs, **LATEST_ONLY)
    table.forward.click(action(actions.show_next_page, studio), inputs, outputs, **LATEST_ONLY)
    opened = table.rows.pick(action(actions.open_clip, studio), corpus, [table.row_index, *view.outputs], **LATEST_ONLY)
    opened.success(action(actions.show_page, studio), inputs, outputs, **EVENT_OPTIONS)
    return opened
