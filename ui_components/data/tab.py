"""The Data tab: datasets, their clips, uploaded files, and a preview of augmentation."""

import gradio as gr
from gradio.events import Dependency

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.data import actions
from ui_components.data.augmentation_form import augmentation_form
from ui_components.data.rows_table import rows_table, wire_table
from ui_components.data.sample_corpus import FETCH_LABEL, fetch_sample
from ui_components.widgets.audio_view.actions import EMPTY_VIEW
from ui_components.widgets.audio_view.component import AudioView, audio_view

MAX_CONCURRENT_ANALYSES = 2
PLACEHOLDER = "Select a clip or upload a file to inspect and trim it."


def data_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> None:
    with gr.Column(visible=False) as overview_column:
        corpus = gr.Dropdown(label="Dataset")
        overview = gr.HTML()
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320), gr.Tabs():
            with gr.Tab("Clips", id="rows"):
                note = gr.HTML()
                fetch = gr.Button(FETCH_LABEL, visible=False)
                with gr.Column(visible=False) as clips_column:
                    table = rows_table(studio)
            with gr.Tab("Inspect a file", id="own"):
                upload = upload_input()
        with gr.Column(min_width=320, elem_classes="qal-detail"):
            view = audio_view(studio, "Clip", PLACEHOLDER)

    version: gr.State = gr.State(None)  # of the corpus that is shown
    choices_outputs = [corpus, note, fetch, overview_column, clips_column]
    refresh_outputs = [version, overview, *table.outputs]
    corpus_outputs = [version, overview, table.search, table.split, table.row_index, *table.outputs]
    update_choices, show_corpus = action(actions.update_choices, studio), action(actions.show_corpus, studio)
    refresh = action(actions.refresh, studio)
    tab_opened = gr.on(opened, update_choices, corpus, choices_outputs, **EVENT_OPTIONS)
    tab_opened.then(refresh, [version, corpus, *table.inputs], refresh_outputs, **EVENT_OPTIONS)
    corpus.input(show_corpus, corpus, corpus_outputs, **EVENT_OPTIONS)
    fetched = fetch.click(action(fetch_sample, studio), None, [note, fetch], **EVENT_OPTIONS)
    listed = fetched.then(update_choices, corpus, choices_outputs, **EVENT_OPTIONS)
    listed.then(show_corpus, corpus, corpus_outputs, **EVENT_OPTIONS)

    clip_opened = wire_table(studio, table, corpus, view)
    upload_opened = wire_upload(studio, upload, view)
    augmentation_form(studio, view, [clip_opened, upload_opened])


def upload_input() -> gr.Audio:
    return gr.Audio(
        sources=["upload", "microphone"],
        type="filepath",
        label="Audio file",
        buttons=[],
        elem_classes="qal-own",
    )


def wire_upload(studio: Studio, upload: gr.Audio, view: AudioView) -> Dependency:
    """Opens an uploaded or recorded file in the view. Returns the event."""
    opened = gr.on(
        [upload.upload, upload.stop_recording],
        action(actions.open_upload, studio),
        upload,
        [upload, *view.outputs],
        show_progress_on=view.html,
        concurrency_limit=MAX_CONCURRENT_ANALYSES,
        api_visibility="private",
    )
    opened.failure(lambda: EMPTY_VIEW, None, view.outputs, **EVENT_OPTIONS)
    return opened
