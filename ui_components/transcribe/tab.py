"""Transcribe: a file on the left, its text on the right."""

import gradio as gr

from ui_components.app.studio import QUIET, Events, Studio, action
from ui_components.transcribe import actions as transcribe_actions
from ui_components.widgets.audio_view.component import sound_view
from ui_components.widgets.choices import DETECT, language_choices
from ui_components.widgets.download import wire_download
from ui_components.widgets.model_choice import offer_models

CONTEXTS = [("as short as the model can", "auto"), ("always 30 s", "full")]
MAX_AT_ONCE = 2  # files; each takes all cores
SAVED_AS = ("txt", "srt", "vtt")


def transcribe_tab(studio: Studio, page: gr.Blocks, opened: Events) -> None:
    note = gr.HTML()
    segments = gr.State([])
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            audio = gr.Audio(sources=["upload", "microphone"], type="filepath", label="Audio", buttons=[])
            see = gr.Button("See the sound and trim it", visible=False)
            with gr.Column(visible=False) as seen:
                view = sound_view(studio, "Sound to transcribe", "The sound is being looked through.")
            model = gr.Dropdown(label="Model")
            language = gr.Dropdown(language_choices(), value=studio.language or DETECT, label="Language")
            context = gr.Radio(CONTEXTS, value="auto", label="Context the model hears")
            start = gr.Button("Transcribe", variant="primary")
        with gr.Column(scale=3, min_width=300):
            summary = gr.HTML(transcribe_actions.wait(studio), elem_classes="qal-outcome")
            lines = gr.HTML()
            with gr.Row(visible=False) as downloads:
                saves = {form: gr.Button(f"Download {form.upper()}", min_width=110) for form in SAVED_AS}

    outcome = [summary, lines, segments, downloads]
    began = start.click(action(transcribe_actions.begin, studio), None, outcome, **QUIET)
    done = began.then(
        action(transcribe_actions.transcribe, studio),
        [audio, model, language, context, view.sound],
        outcome,
        show_progress_on=summary,
        concurrency_limit=MAX_AT_ONCE,
        api_visibility="private",
    )
    done.failure(action(transcribe_actions.wait, studio), None, summary, **QUIET)
    see.click(lambda: (gr.Button(visible=False), gr.Column(visible=True)), None, [see, seen], **QUIET)
    looked = see.click(
        action(transcribe_actions.see, studio),
        audio,
        view.outputs,
        show_progress_on=view.board,
        concurrency_limit=MAX_AT_ONCE,
        api_visibility="private",
    )
    looked.failure(action(transcribe_actions.changed, studio), audio, [see, seen, *view.outputs], **QUIET)
    audio.change(action(transcribe_actions.changed, studio), audio, [see, seen, *view.outputs], **QUIET)
    for form, button in saves.items():
        save = action(transcribe_actions.subtitles, studio)
        wire_download(button, save, [segments, audio, gr.State(form)])
    gr.on(opened, action(offer_models, studio), model, [model, note], **QUIET)
