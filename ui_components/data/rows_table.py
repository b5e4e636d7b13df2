"""The rows of a corpus: searched, filtered, page by page; one is picked and becomes a sound."""

from dataclasses import dataclass

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency

from ui_components.app.studio import QUIET, Studio, action
from ui_components.data import actions
from ui_components.data.corpora import ALL, split_choices
from ui_components.data.views import PICK
from ui_components.widgets.audio_view.component import SoundView

LATEST = {**QUIET, "trigger_mode": "always_last"}  # who types or clicks on sees the last of it


@dataclass(frozen=True)
class RowsTable:
    search: gr.Textbox
    split: gr.Dropdown
    board: gr.HTML
    place: gr.HTML
    number: gr.State  # of the page
    row: gr.State  # the place in the corpus of the one that was picked
    back: gr.Button
    on: gr.Button

    @property
    def asked(self) -> list[Component]:
        """What is searched for, beside the corpus."""
        return [self.search, self.split, self.number, self.row]

    @property
    def shown(self) -> list[Component]:
        return [self.board, self.place, self.number, self.back, self.on]


def rows_table(studio: Studio) -> RowsTable:
    with gr.Row(elem_classes="qal-search"):
        search = gr.Textbox("", label="Search", placeholder="Text, speaker, file", max_lines=1, min_width=180, scale=2)
        split = gr.Dropdown(split_choices(), value=ALL, label="Split", min_width=130)
    board = gr.HTML("", js_on_load=PICK)
    with gr.Row(elem_classes="qal-pager"):
        back = gr.Button("Back", min_width=80, scale=0)
        place = gr.HTML("")
        on = gr.Button("Next", min_width=80, scale=0)
    return RowsTable(search, split, board, place, gr.State(0), gr.State(None), back, on)


def wire_table(studio: Studio, table: RowsTable, corpus: gr.Dropdown, view: SoundView) -> Dependency:
    """-> the event of a row that was picked."""
    asked = [corpus, *table.asked]
    gr.on([table.search.change, table.split.input], action(actions.first_page, studio), asked, table.shown, **LATEST)
    table.back.click(action(actions.page_before, studio), asked, table.shown, **LATEST)
    table.on.click(action(actions.next_page, studio), asked, table.shown, **LATEST)
    picked = table.board.pick(action(actions.pick, studio), corpus, [table.row, *view.outputs], **LATEST)
    picked.success(action(actions.page, studio), asked, table.shown, **QUIET)
    return picked
