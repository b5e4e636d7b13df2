"""Captions through Gradio's own streaming, where no live socket opens."""

import gradio as gr

from ui_components.app.studio import QUIET, Studio, action
from ui_components.live.fallback import actions
from ui_components.live.fallback.chunks import STREAM_EVERY_S
from ui_components.live.fallback.session import Board
from ui_components.live.view import captions_html, meter_html
from ui_components.widgets.download import wire_download


def fallback_panel(studio: Studio, page: gr.Blocks, model: gr.Dropdown, language: gr.Dropdown) -> None:
    captions = gr.HTML(captions_html(Board()))
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
            save = gr.Button("Download TXT", min_width=120)

    shown = [captions, meter]
    hear = action(actions.hear, studio)
    microphone.stream(hear, [microphone, model, language], shown, stream_every=STREAM_EVERY_S, **QUIET)
    microphone.stop_recording(action(actions.finish, studio), None, shown, **QUIET)
    clear.click(action(actions.clear, studio), None, shown, **QUIET)
    wire_download(save, action(actions.download, studio), [])
    page.unload(action(actions.leave, studio))
