"""The Transcribe tab: settings and a file on the left, the transcript on the right."""

from typing import NamedTuple

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, EventTriggers, Studio, action
from ui_components.transcribe import actions as transcribe_actions
from ui_components.widgets.audio_view.component import AudioView, audio_view
from ui_components.widgets.choices import DETECT, language_choices
from ui_components.widgets.download import wire_download
from ui_components.widgets.model_choice import update_model_choices

WINDOWS = [("adaptive (faster)", "auto"), ("30 s (standard Whisper)", "full")]
MAX_CONCURRENT_JOBS = 2  # each uses all cores
DOWNLOAD_FORMATS = ("txt", "srt", "vtt")


class TrimPanel(NamedTuple):
    """The button that opens the audio view, and the view."""

    open_button: gr.Button
    column: gr.Column
    view: AudioView


def transcribe_tab(studio: Studio, page: gr.Blocks, opened: EventTriggers) -> gr.Dropdown:
    """Lays out and wires the tab. Returns the drop-down of the model."""
    note = gr.HTML()
    segments = gr.State([])
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            audio = gr.Audio(sources=["upload", "microphone"], type="filepath", label="Audio", buttons=[])
            trim = trim_panel(studio, audio)
            model = gr.Dropdown(label="Model")
            language = gr.Dropdown(language_choices(), value=studio.language or DETECT, label="Language")
            context = gr.Radio(WINDOWS, value="auto", label="Window")
            start = gr.Button("Transcribe", variant="primary")
        with gr.Column(scale=3, min_width=300):
            summary = gr.HTML(transcribe_actions.waiting_note(studio), elem_classes="qal-outcome")
            transcript = gr.HTML()
            with gr.Row(visible=False) as downloads:
                buttons = {form: gr.Button(f"Download {form.upper()}", min_width=110) for form in DOWNLOAD_FORMATS}

    outputs = [summary, transcript, segments, downloads]
    begun = start.click(action(transcribe_actions.begin, studio), None, outputs, **EVENT_OPTIONS)
    transcribed = begun.then(
        action(transcribe_actions.transcribe, studio),
        [audio, model, language, context, trim.view.selection],
        outputs,
        show_progress_on=summary,
        concurrency_limit=MAX_CONCURRENT_JOBS,
        api_visibility="private",
    )
    transcribed.failure(action(transcribe_actions.waiting_note, studio), None, summary, **EVENT_OPTIONS)
    for form, button in buttons.items():
        make_file = action(transcribe_actions.subtitles, studio)
        wire_download(button, make_file, [segments, audio, gr.State(form)])
    gr.on(opened, action(update_model_choices, studio), model, [model, note], **EVENT_OPTIONS)
    return model


def trim_panel(studio: Studio, audio: gr.Audio) -> TrimPanel:
    """Adds the audio view for the file in `audio`; it is hidden until its button is clicked."""
    button = gr.Button("Trim audio", visible=False)
    with gr.Column(visible=False) as column:
        view = audio_view(studio, "Audio to transcribe", "Analysing the audio…")
    reset, outputs = action(transcribe_actions.reset_trim, studio), [button, column, *view.outputs]
    button.click(lambda: (gr.Button(visible=False), gr.Column(visible=True)), None, [button, column], **EVENT_OPTIONS)
    view_opened = button.click(
        action(transcribe_actions.open_view, studio),
        audio,
        view.outputs,
        show_progress_on=view.html,
        concurrency_limit=MAX_CONCURRENT_JOBS,
        api_visibility="private",
    )
    view_opened.failure(reset, audio, outputs, **EVENT_OPTIONS)
    audio.change(reset, audio, outputs, **EVENT_OPTIONS)
    return TrimPanel(button, column, view)
