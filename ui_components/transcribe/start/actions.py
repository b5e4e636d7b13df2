"""Handlers of the form: the chosen files are added to the queue, which works without a page."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from qal.errors import ModelError, OptionError
from ui_components.app.studio import Studio, current_user
from ui_components.data.add.uploads import Upload
from ui_components.transcribe.files.actions import FilesShown, show_files
from ui_components.transcribe.files.outputs import write_output_options
from ui_components.transcribe.start import chosen
from ui_components.transcribe.start.form import file_options, rule_values, transcribe_command
from ui_components.widgets.choices import allowed_models

NO_MODEL = "there is no model to transcribe with; run `qal models fetch base-adaptive`, then reload the page"
UPLOAD, SERVER, RECORD = "upload", "server", "record"


class SourceShown(NamedTuple):
    """Outputs of `show_source`: the fields of the chosen kind of source."""

    upload: gr.Column
    server: gr.Column
    record: gr.Column
    path: Any


class Started(NamedTuple):
    """Outputs of `start`."""

    files: Any
    sent: Any
    opened: str  # id of the first file
    uploads: None  # the fields are emptied for the next files
    recording: None


def show_source(studio: Studio, kind: str) -> SourceShown:
    """Shows the fields of a kind of source."""
    return SourceShown(
        upload=gr.Column(visible=kind == UPLOAD),
        server=gr.Column(visible=kind == SERVER),
        record=gr.Column(visible=kind == RECORD),
        path=gr.Dropdown(choices=chosen.server_choices(studio)) if kind == SERVER else gr.skip(),
    )


def start(
    studio: Studio,
    kind: str,
    uploads: Sequence[Upload] | None,
    path: str | None,
    recording: str | None,
    model: str | None,
    language: str | None,
    task: str,
    request: gr.Request,
    *values: Any,
) -> Started:
    """Adds the chosen files to the queue.

    Args:
        studio: the studio.
        kind: of the source: UPLOAD, SERVER or RECORD.
        uploads: the uploaded files.
        path: a file or a folder of the server.
        recording: path of the recording.
        model: name of the model.
        language: language code, or how it is detected.
        task: "transcribe" or "translate".
        request: names the user.
        values: of the advanced settings.

    Raises:
        ModelError: no model, or one that the page may not use.
        OptionError: no file, a file outside the allowed folders, or a wrong setting.
        StorageError: the files cannot be stored."""
    if not model:
        raise ModelError(NO_MODEL)
    if model not in allowed_models(studio.runs, studio.model):
        raise ModelError("this model is no longer there; choose another one")
    options = file_options(model, language, task, values)
    if kind == SERVER:
        files = chosen.on_server(studio, path)
    elif kind == RECORD:
        files = chosen.recorded(studio, recording)
    elif kind == UPLOAD:
        files = chosen.uploaded(studio, uploads or [])
    else:
        raise OptionError("choose where the files are")
    user = current_user(request)
    added = []
    for file in files:
        queued = studio.file_queue.add(file.path, options.transcription(), file.name, user)
        write_output_options(studio, queued.id, options.output())
        added.append(queued)
    shown: FilesShown = show_files(studio, request, added[0].id)
    return Started(shown.files, shown.sent, added[0].id, uploads=None, recording=None)


def apply_preset(studio: Studio, preset: str) -> list[Any]:
    """Returns the values of the subtitle rules of a preset."""
    return rule_values(preset)


def show_command(studio: Studio, model: str | None, language: str | None, task: str, preset: str, *values: Any) -> str:
    """Returns the command line of the form; a sentence while a setting is wrong."""
    try:
        return transcribe_command(file_options(model, language, task, values), preset)
    except OptionError as error:
        return f"# {error}"
