"""Captions through Gradio's audio streaming, for networks that block WebSockets."""

import gradio as gr

from ui_components.app.studio import EVENT_OPTIONS, Studio, action
from ui_components.live.fallback import actions
from ui_components.live.fallback.chunks import STREAM_EVERY_S
from ui_components.live.fallback.session import CaptionState
from ui_components.live.view import captions_html, meter_html
from ui_components.widgets.download import wire_download


def fallback_panel(studio: Studio, page: gr.Blocks, model: gr.Dropdown, language: gr.Dropdown) -> None:
    """Lays out and wires the captions, the meter and the microphone."""
    captions = gr.HTML(captions_html(CaptionState()))
    meter = gr.HTML(meter_html(None))
    with gr.Row():
        microphone = gr.Audio(
            sources=["microphone"],
            type="filepath",
            streaming=True,
            label="Microphone",
            buttons=[],
            min_width=280,
            waveform_options=gr.WaveformOptions(show_recording_waveform=False),
        )
        with gr.Column(min_width=280), gr.Row():
            clear = gr.Button("Clear", min_width=120)
            download = gr.Button("Download TXT", min_width=120)

    outputs = [captions, meter]  # as LiveOutputs
    microphone.stream(
        action(actions.add_chunk, studio),
        [microphone, model, language],
        outputs,
        stream_every=STREAM_EVERY_S,
        **EVENT_OPTIONS,
    )
    microphone.stop_recording(action(actions.finish, studio), None, outputs, **EVENT_OPTIONS)
    clear.click(action(actions.clear, studio), None, outputs, **EVENT_OPTIONS)
    wire_download(download, action(actions.download, studio), [])
    page.unload(action(actions.close_session, studio))
