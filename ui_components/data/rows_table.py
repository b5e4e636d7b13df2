"""The table of a dataset's clips, with search, filters, order and pages. A click opens a clip in the audio view."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.data import actions
from ui_components.data.corpora import ALL, FILE_ORDER, FILTER_FIELDS, MEASURE_TITLES, split_choices
from ui_components.data.views import PICK_JS
from ui_components.widgets.audio_view.component import AudioView

# While an event is processed, only the latest of the following ones is queued.
LATEST_ONLY = {**EVENT_OPTIONS, "trigger_mode": "always_last"}
MEASURES = [(title, name) for name, title in MEASURE_TITLES.items()]
ORDERS = [("File name", FILE_ORDER), ("Text", "text"), ("Speaker", "speaker"), *MEASURES]


@dataclass(frozen=True)
class RowsTable:
    """The components of the table."""

    filters: dict[str, Component]  # by the fields of TableFilter, in their order
    rows: gr.HTML
    position: gr.HTML
    page_number: gr.State
    row_index: gr.State  # of the opened clip
    back: gr.Button
    forward: gr.Button

    @property
    def inputs(self) -> list[Component]:
        """The inputs of `actions.show_page` after the dataset."""
        return [self.page_number, self.row_index, *self.filters.values()]

    @property
    def outputs(self) -> list[Component]:
        """The outputs for an `actions.TableUpdate`."""
        return [self.rows, self.position, self.page_number, self.back, self.forward]


def rows_table() -> RowsTable:
    with gr.Row(elem_classes="qal-search"):
        search = gr.Textbox("", label="Search", placeholder="Text, speaker, file", max_lines=1, min_width=180, scale=2)
        split = gr.Dropdown(split_choices(), value=ALL, label="Split", min_width=110)
        shown = gr.Dropdown([("All", ALL)], value=ALL, label="Show", min_width=110)
    with gr.Accordion("Filters and order", open=False):
        with gr.Row():
            speaker = gr.Dropdown([], value=None, label="Speaker", min_width=140)
            language = gr.Dropdown([("All", ALL)], value=ALL, label="Language", min_width=140)
        with gr.Row():
            measure = gr.Dropdown([("None", ALL), *MEASURES], value=ALL, label="Measure", min_width=140, scale=2)
            low = gr.Number(label="From", value=None, min_width=90)
            high = gr.Number(label="To", value=None, min_width=90)
        with gr.Row():
            sort = gr.Dropdown(ORDERS, value=FILE_ORDER, label="Order by", min_width=140, scale=2)
            descending = gr.Checkbox(False, label="Largest first", min_width=120)
    values = (search, split, shown, speaker, language, measure, low, high, sort, descending)
    rows = gr.HTML("", js_on_load=PICK_JS)
    with gr.Row(elem_classes="qal-pager"):
        back = gr.Button("Back", min_width=80, scale=0)
        position = gr.HTML("")
        forward = gr.Button("Next", min_width=80, scale=0)
    filters: dict[str, Component] = dict(zip(FILTER_FIELDS, values, strict=True))
    return RowsTable(filters, rows, position, gr.State(0), gr.State(None), back, forward)


def wire_table(
    studio: Studio, table: RowsTable, corpus: gr.Dropdown, view: AudioView, editor_outputs: Sequence[Component]
) -> Dependency:
    """Connects the table with its handlers. Returns the event that opens a clip."""
    inputs, outputs = [corpus, *table.inputs], table.outputs
    first, previous = action(actions.show_first_page, studio), action(actions.show_previous_page, studio)
    changes = [
        part.change if name in ("search", "low", "high") else part.input  # type: ignore[attr-defined]
        for name, part in table.filters.items()
    ]
    gr.on(changes, first, inputs, outputs, **LATEST_ONLY)
    table.back.click(previous, inputs, outputs, **LATEST_ONLY)
    table.forward.click(action(actions.show_next_page, studio), inputs, outputs, **LATEST_ONLY)
    opened_outputs = [table.row_index, *view.outputs, *editor_outputs]
    opened = table.rows.pick(action(actions.open_clip, studio), corpus, opened_outputs, **LATEST_ONLY)
    opened.success(action(actions.show_page, studio), inputs, outputs, **EVENT_OPTIONS)
    return opened
