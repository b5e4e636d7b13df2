"""The layout of the form: the source of the files, the basic fields, and the advanced settings in closed accordions."""

from typing import NamedTuple

import gradio as gr
from gradio.components import Component

from ui_components.app.studio import Studio
from ui_components.data.add.uploads import uploaded_files
from ui_components.transcribe.start.actions import RECORD, SERVER, UPLOAD
from ui_components.transcribe.start.form import (
    ADVANCED,
    GROUPS,
    RULES,
    STANDARD,
    FileOptions,
    file_language_choices,
    preset_choices,
)
from ui_components.widgets.choices import DETECT
from ui_components.widgets.forms import Form

KINDS = [("Upload", UPLOAD), ("On the server", SERVER), ("Record", RECORD)]
TASKS = [("Transcribe", "transcribe"), ("Translate to English", "translate")]
WINDOW_LABELS = {"context": "Window"}


class SourceFields(NamedTuple):
    """The components that say which files are transcribed. Of the three columns one is shown."""

    kind: gr.Radio
    upload_column: gr.Column
    uploads: gr.File
    server_column: gr.Column
    path: gr.Dropdown
    record_column: gr.Column
    recording: gr.Audio


class StartForm(NamedTuple):
    """The components of the form."""

    source: SourceFields
    model: gr.Dropdown
    note: gr.HTML  # what to do when the default model is missing
    language: gr.Dropdown
    task: gr.Radio
    preset: gr.Dropdown
    settings: Form  # of ADVANCED
    command: gr.Code
    start: gr.Button

    @property
    def basic(self) -> list[Component]:
        return [self.model, self.language, self.task]

    @property
    def rules(self) -> list[Component]:
        """The components of the rules of subtitles, in the order of RULES."""
        return [self.settings[name] for name in RULES]


def start_form(studio: Studio) -> StartForm:
    """Lays out the form."""
    note = gr.HTML()
    source = source_fields()
    model = gr.Dropdown(label="Model")
    with gr.Row():
        language = gr.Dropdown(
            file_language_choices(), value=studio.language or DETECT, label="Language", min_width=150
        )
        preset = gr.Dropdown(
            preset_choices(), value=STANDARD, label="Subtitles", filterable=False, interactive=True, min_width=150
        )
    task = gr.Radio(TASKS, value="transcribe", label="Task")
    start = gr.Button("Transcribe", variant="primary")
    settings = Form(ADVANCED, FileOptions(), WINDOW_LABELS, {})
    with gr.Accordion("Advanced settings", open=False, elem_classes="qal-fields"):
        for title, names in GROUPS.items():
            with (
                gr.Accordion(title, open=False, elem_id=f"file-{title.lower().replace(' ', '-').replace(':', '')}"),
                gr.Column(elem_classes="qal-grid"),
            ):
                settings.add(*names)
        command = gr.Code(
            "",
            language="shell",
            label="The same on the command line",
            lines=1,
            wrap_lines=True,
            interactive=False,
            show_line_numbers=False,
            elem_classes="qal-command",
        )
    return StartForm(source, model, note, language, task, preset, settings, command, start)


def source_fields() -> SourceFields:
    """Lays out the kinds of sources; one of them is shown."""
    kind = gr.Radio(KINDS, value=UPLOAD, label="Audio or video")
    with gr.Column() as upload_column:
        uploads = uploaded_files(label="Audio or video files", height=150, elem_classes="qal-drop", buttons=[])
    with gr.Column(visible=False) as server_column:
        path = gr.Dropdown(
            [],
            value=None,
            label="File or folder",
            info="Inside the data folder, or a folder that was allowed with --import-from.",
            allow_custom_value=True,
        )
    with gr.Column(visible=False) as record_column:
        recording = gr.Audio(sources=["microphone"], type="filepath", label="Recording", buttons=[])
    return SourceFields(kind, upload_column, uploads, server_column, path, record_column, recording)
