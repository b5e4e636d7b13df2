"""The Data tab: datasets with their dashboard and clips, adding data, recording, and a preview of augmentation."""

from typing import Any, NamedTuple

import gradio as gr
from gradio.events import Dependency

from ui_components.app.address import DATA_TAB, remember_selection
from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.data import actions, arrivals
from ui_components.data.add.tab import JobsPanel, add_tab, jobs_panel, wire_jobs
from ui_components.data.augmentation_form import augmentation_form
from ui_components.data.dashboard.tab import (
    Editor,
    bulk_marks,
    clip_editor,
    dashboard_parts,
    dataset_actions,
    wire_editor,
)
from ui_components.data.record.tab import record_tab
from ui_components.data.rows_table import rows_table, wire_table
from ui_components.data.sample_corpus import FETCH_LABEL, fetch_sample
from ui_components.data.tab_ids import ADD_TAB, BROWSE_TAB, RECORD_TAB
from ui_components.widgets.audio_view.actions import EMPTY_VIEW
from ui_components.widgets.audio_view.component import AudioView, audio_view

MAX_CONCURRENT_ANALYSES = 2
PLACEHOLDER = "Select a clip or upload a file to inspect and trim it."


class Browse(NamedTuple):
    """The parts of the inner tab that shows datasets, for the other inner tabs."""

    corpus: gr.Dropdown
    listed: dict[str, Any]  # the arguments of the event that lists the datasets
    refresh: dict[str, Any]  # the arguments of the event that updates the dashboard and the table


def data_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> gr.Tabs:
    """Lays out and wires the tab. Returns its inner tabs."""
    panel, shown = jobs_panel(), gr.State(None)  # shown: the folder of the dataset to show next
    with gr.Tabs() as inner:
        with inner_tab("Browse", BROWSE_TAB):
            browse = browse_tab(studio, shown, panel, opened)
        with inner_tab("Add data", ADD_TAB):
            add_tab(studio, panel)
        with inner_tab("Record", RECORD_TAB):
            recorded = record_tab()
    wire_jobs(studio, panel, opened)
    arrived = panel.arrived.change(
        action(arrivals.show_arrived, studio), [panel.arrived, browse.corpus], [browse.corpus, inner], **EVENT_OPTIONS
    )
    left = recorded.recorded(action(arrivals.show_recorded, studio), browse.corpus, browse.corpus, **EVENT_OPTIONS)
    changed = shown.change(action(arrivals.show_next, studio), shown, [browse.corpus, shown], **EVENT_OPTIONS)
    for event in (arrived, left, changed):
        event.then(**browse.listed).then(**browse.refresh)
    return inner


def inner_tab(title: str, tab_id: str) -> gr.Tab:
    """Adds a tab whose selection is in the address."""
    tab = gr.Tab(title, id=tab_id)
    remember_selection(tab, DATA_TAB, tab_id)
    return tab


def browse_tab(studio: Studio, shown: gr.State, panel: JobsPanel, opened: EventTriggers) -> Browse:
    """Lays out and wires the datasets and their clips."""
    with gr.Column(visible=False) as overview_column:
        corpus = gr.Dropdown(label="Dataset")
        dashboard = dashboard_parts()
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320), gr.Tabs():
            with gr.Tab("Clips", id="rows"):
                note = gr.HTML()
                fetch = gr.Button(FETCH_LABEL, visible=False)
                with gr.Column(visible=False) as clips_column:
                    table = rows_table()
                    bulk = gr.Column()
            with gr.Tab("Inspect a file", id="own"):
                upload = upload_input()
        with gr.Column(min_width=320, elem_classes="qal-detail"):
            view = audio_view(studio, "Clip", PLACEHOLDER)
            editor = clip_editor()

    version: gr.State = gr.State(None)  # of the dataset that is shown
    filters = table.filters
    dashboard_outputs = [*dashboard, filters["shown"], filters["speaker"], filters["language"]]
    listed = {
        "fn": action(actions.update_choices, studio),
        "inputs": corpus,
        "outputs": [corpus, note, fetch, overview_column, clips_column],
        **EVENT_OPTIONS,
    }
    refresh = {
        "fn": action(actions.refresh, studio),
        "inputs": [version, corpus, *table.inputs],
        "outputs": [version, *dashboard_outputs, *table.outputs],
        **EVENT_OPTIONS,
    }
    gr.on(opened, **listed).then(**refresh)
    emptied = corpus.input(arrivals.empty_filters, None, [*filters.values(), table.row_index], **EVENT_OPTIONS)
    emptied.then(**refresh)
    fetched = fetch.click(action(fetch_sample, studio), None, [note, fetch], **EVENT_OPTIONS)
    fetched.then(**listed).then(**refresh)
    clip_opened = wire_table(studio, table, corpus, view, editor.outputs)
    upload_opened = wire_upload(studio, upload, view, editor)
    wire_editor(studio, editor, table, view, refresh)
    with bulk:
        bulk_marks(studio, corpus, table, refresh)
    with overview_column:
        dataset_actions(studio, corpus, shown, panel)
    augmentation_form(studio, view, [clip_opened, upload_opened])
    return Browse(corpus, listed, refresh)


def upload_input() -> gr.Audio:
    return gr.Audio(
        sources=["upload", "microphone"],
        type="filepath",
        label="Audio file",
        buttons=[],
        elem_classes="qal-own",
    )


def wire_upload(studio: Studio, upload: gr.Audio, view: AudioView, editor: Editor) -> Dependency:
    """Opens an uploaded or recorded file in the view. Returns the event."""
    opened = gr.on(
        [upload.upload, upload.stop_recording],
        action(actions.open_upload, studio),
        upload,
        [upload, *view.outputs, editor.column],
        show_progress_on=view.html,
        concurrency_limit=MAX_CONCURRENT_ANALYSES,
        api_visibility="private",
    )
    opened.failure(lambda: EMPTY_VIEW, None, view.outputs, **EVENT_OPTIONS)
    return opened
