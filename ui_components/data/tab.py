"""Data: the corpora, their rows, a sound of them or one's own, and what augmentation makes of it."""

import gradio as gr

from ui_components.app.studio import QUIET, Events, Studio, action
from ui_components.data import actions
from ui_components.data.augmentation_form import augmentation_form
from ui_components.data.rows_table import rows_table, wire_table
from ui_components.data.sample_corpus import FETCH, fetch_sample
from ui_components.widgets.audio_view.actions import NOTHING
from ui_components.widgets.audio_view.component import sound_view

AT_ONCE = 2  # files of any length that are looked through
OWN = "A file of your own"
EMPTY = "Choose a row, or a file of your own. Its sound appears here: seen, heard, judged and ready to be cut."


def data_tab(studio: Studio, page: gr.Blocks, opened: Events) -> None:
    with gr.Column(visible=False) as known:
        corpus = gr.Dropdown(label="Corpus")
        figures = gr.HTML()
    with gr.Row(equal_height=False):
        with gr.Column(min_width=320), gr.Tabs():
            with gr.Tab("Rows", id="rows"):
                note = gr.HTML()
                fetch = gr.Button(FETCH, visible=False)
                with gr.Column(visible=False) as listed:
                    table = rows_table(studio)
            with gr.Tab("Your own file", id="own"):
                audio = gr.Audio(
                    sources=["upload", "microphone"], type="filepath", label=OWN, buttons=[], elem_classes="qal-own"
                )
        with gr.Column(min_width=320, elem_classes="qal-detail"):
            view = sound_view(studio, "Sound", EMPTY)

    seen: gr.State = gr.State(None)  # the version of the corpus that is shown
    offered, reread = [corpus, note, fetch, known, listed], [seen, figures, *table.shown]
    described = [seen, figures, table.search, table.split, table.row, *table.shown]
    offer, describe = action(actions.offer, studio), action(actions.another, studio)
    came = gr.on(opened, offer, corpus, offered, **QUIET)
    came.then(action(actions.reread, studio), [seen, corpus, *table.asked], reread, **QUIET)
    corpus.input(describe, corpus, described, **QUIET)
    fetched = fetch.click(action(fetch_sample, studio), None, [note, fetch], **QUIET)
    fetched.then(offer, corpus, offered, **QUIET).then(describe, corpus, described, **QUIET)

    picked = wire_table(studio, table, corpus, view)
    given = gr.on(
        [audio.upload, audio.stop_recording],
        action(actions.own, studio),
        audio,
        [audio, *view.outputs],
        show_progress_on=view.board,
        concurrency_limit=AT_ONCE,
        api_visibility="private",
    )
    given.failure(lambda: NOTHING, None, view.outputs, **QUIET)
    augmentation_form(studio, view, [picked, given])
