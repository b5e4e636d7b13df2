"""Lays out a result: heading, sound, editor, subtitles, downloads, and the dataset for corrections."""

from typing import NamedTuple

import gradio as gr

from qal.transcription.options import OutputOptions
from ui_components.app.studio import Studio
from ui_components.transcribe.result.outputs import DEFAULT_DATASET, format_choices
from ui_components.transcribe.result.view import SOUND_LABEL, editor_html, editor_script
from ui_components.transcribe.start.form import OUTPUT, RULES, preset_choices
from ui_components.widgets.audio_view.component import AudioView, audio_view
from ui_components.widgets.forms import Form

NO_SOUND = "The waveform and the spectrogram appear here when the file is done."


class ResultPanel(NamedTuple):
    """The components of a result."""

    column: gr.Column
    heading: gr.HTML
    load_sound: gr.Button
    sound: AudioView
    editor: gr.HTML
    cues_tab: gr.Tab
    cues: gr.HTML
    formats: gr.CheckboxGroup
    download: gr.Button
    download_all: gr.Button
    file: gr.JSON  # for the browser
    preset: gr.Dropdown
    settings: Form  # of OUTPUT
    apply: gr.Button
    dataset: gr.Textbox
    add_corrected: gr.Button

    @property
    def rules(self) -> list[gr.components.Component]:
        """The components of the rules of subtitles, in the order of RULES."""
        return [self.settings[name] for name in RULES]


def result_panel(studio: Studio) -> ResultPanel:
    """Lays out a result, which is hidden until there is a file."""
    with gr.Column(visible=False, elem_classes="qal-result") as column:
        heading = gr.HTML("")
        with gr.Row(elem_classes="qal-actions qal-downloads"):
            formats = gr.CheckboxGroup(format_choices(), value=["srt"], label="Formats", min_width=320, scale=3)
            with gr.Column(scale=1, min_width=170):
                download = gr.Button("Download", variant="primary")
                download_all = gr.Button("Download all files")
        load_sound = gr.Button("Load the sound", visible=False)
        sound = audio_view(studio, SOUND_LABEL, NO_SOUND)
        with gr.Tabs():
            with gr.Tab("Transcript"):
                editor = gr.HTML(None, html_template=editor_html(), js_on_load=editor_script())
            with gr.Tab("Subtitles") as cues_tab:
                cues = gr.HTML("")
        settings = Form(OUTPUT, OutputOptions(), {}, {})
        with gr.Accordion("Subtitle rules and post-processing", open=False, elem_classes="qal-fields"):
            gr.HTML('<p class="qal-muted">Applied to the transcribed and corrected text; nothing is decoded again.</p>')
            preset = gr.Dropdown(
                preset_choices(), value=None, label="Preset of subtitles", filterable=False, interactive=True
            )
            with gr.Column(elem_classes="qal-grid"):
                settings.add(*(s.name for s in OUTPUT))
            apply = gr.Button("Apply", variant="primary")
        with gr.Accordion("Add corrections to a dataset", open=False):
            gr.HTML(
                '<p class="qal-muted">Lines are added with their sound, to train or to test a model. '
                "<b>Add to dataset</b> above adds the selected line.</p>"
            )
            with gr.Row(equal_height=True):
                dataset = gr.Textbox(DEFAULT_DATASET, label="Dataset", max_length=64, max_lines=1, min_width=180)
                add_corrected = gr.Button("Add all corrected lines", min_width=180)
    file = gr.JSON(visible=False)
    return ResultPanel(
        column,
        heading,
        load_sound,
        sound,
        editor,
        cues_tab,
        cues,
        formats,
        download,
        download_all,
        file,
        preset,
        settings,
        apply,
        dataset,
        add_corrected,
    )
