"""Handlers of the editor: it shows a transcript as it comes, and each correction is on disk before it is shown."""

import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from qal.errors import OptionError
from qal.transcription.document import EDITS_FILE, Document, edit, read_document, redo, undo
from qal.transcription.editing import Operation
from qal.transcription.queue import QueuedFile
from qal.transcription.store import ENDED, SEGMENTS_FILE, StoredTranscript
from ui_components.app.studio import Studio, unchanged
from ui_components.transcribe.files.actions import require_own_file
from ui_components.transcribe.result.document_data import ChangedPart, changed_part, segment_data
from ui_components.transcribe.result.view import heading_html

OPERATION: TypeAdapter[Operation] = TypeAdapter(Operation)
STEPS = {"undo": undo, "redo": redo}
WORKING = ("running", "waiting")
CHANGED_ELSEWHERE = "this transcript was changed in another window; it is shown anew, correct it again"
NOT_TRANSCRIBED = "nothing of this file is transcribed yet; wait a moment"

EditorValue = dict[str, Any] | None


class ResultShown(NamedTuple):
    """Outputs of `show_result`."""

    result: gr.Column
    heading: str
    editor: EditorValue


def show_result(studio: Studio, opened: str | None, request: gr.Request) -> ResultShown:
    """Shows the transcript of the opened file; nothing without one."""
    if not opened:
        return ResultShown(gr.Column(visible=False), "", None)
    file = require_own_file(studio, opened, request)
    transcript = studio.file_queue.transcript(opened)
    document = _document(transcript)
    heading = heading_html(file, document.segments if document else ())
    return ResultShown(gr.Column(visible=True), heading, full_value(file, transcript, document))


def reload_editor(studio: Studio, opened: str | None, request: gr.Request) -> EditorValue:
    """Returns all segments, after an edit that was refused."""
    return show_result(studio, opened, request).editor


def follow(studio: Studio, opened: str | None, event: gr.EventData, request: gr.Request) -> ResultShown:
    """Shows what was transcribed since the editor was updated last. The event has the number of its segments."""
    data = _data(event)
    if not opened or data.get("id") != opened:
        return unchanged(ResultShown)
    file = require_own_file(studio, opened, request)
    transcript = studio.file_queue.transcript(opened)
    is_working = file.state in WORKING
    if file.state not in ENDED and (data.get("size"), data.get("isWorking")) == (size_of(transcript), is_working):
        return unchanged(ResultShown)  # a long text is not read again for nothing
    size = size_of(transcript)
    document = _document(transcript)
    segments = document.segments if document else ()
    count = data.get("count")
    is_ordered = file.options.sound.channels == "mix"  # of two channels, one may be ahead of the other
    if not isinstance(count, int) or not 0 <= count <= len(segments) or not is_ordered:
        value = full_value(file, transcript, document)
    else:
        value = part_value(file, transcript, document, ChangedPart(count, 0, segments[count:]))
    value["size"] = size  # before it was read: what came meanwhile is read next time
    return ResultShown(gr.skip(), heading_html(file, segments), value)  # pyright: ignore[reportArgumentType]


def edit_transcript(studio: Studio, opened: str | None, event: gr.EventData, request: gr.Request) -> EditorValue:
    """Applies an operation, undo or redo, and returns the part that has changed.

    Raises OptionError if it does not fit, or if the transcript was changed in another window, and StorageError."""
    data = _data(event)
    file = require_own_file(studio, opened, request)
    transcript = require_transcript(studio, file)
    if data.get("id") != opened or data.get("version") != version_of(transcript):
        raise OptionError(CHANGED_ELSEWHERE)
    before = read_document(transcript).segments
    operation = data.get("operation")
    kind = operation.get("kind") if isinstance(operation, dict) else None
    step = STEPS.get(kind) if isinstance(kind, str) else None
    document = step(transcript) if step else edit(transcript, checked_operation(operation))
    return part_value(file, transcript, document, changed_part(before, document.segments))


def checked_operation(operation: object) -> Operation:
    """Returns an operation of a page. Raises OptionError if it is none."""
    try:
        return OPERATION.validate_python(operation)
    except ValidationError as error:
        raise OptionError("this correction is not possible; check the times and the text") from error


def require_transcript(studio: Studio, file: QueuedFile) -> StoredTranscript:
    """Returns the transcript of a file. Raises OptionError before it has one."""
    transcript = studio.file_queue.transcript(file.id)
    if transcript is None or transcript.find_state() is None:
        raise OptionError(NOT_TRANSCRIBED)
    return transcript


def version_of(transcript: StoredTranscript | None) -> int:
    """Returns a number that changes with each correction."""
    return _file_size(transcript, EDITS_FILE)


def size_of(transcript: StoredTranscript | None) -> int:
    """Returns a number that changes with each stretch that is transcribed."""
    return _file_size(transcript, SEGMENTS_FILE)


def _file_size(transcript: StoredTranscript | None, name: str) -> int:
    try:
        return (transcript.folder / name).stat().st_size if transcript else 0
    except OSError:
        return 0


def full_value(file: QueuedFile, transcript: StoredTranscript | None, document: Document | None) -> dict[str, Any]:
    """Returns the editor's value with all segments."""
    segments = document.segments if document else ()
    value = part_value(file, transcript, document, ChangedPart(0, 0, segments))
    return {**value, "kind": "all", "duration": file.duration_s}


def part_value(
    file: QueuedFile, transcript: StoredTranscript | None, document: Document | None, part: ChangedPart
) -> dict[str, Any]:
    """Returns the editor's value with the segments that have changed."""
    return {
        "kind": "part",
        "nonce": secrets.token_hex(4),  # a value that is equal to the last one would not be applied
        "id": file.id,
        "version": version_of(transcript),
        "isInProgress": file.state not in ENDED,
        "isWorking": file.state in WORKING,
        "size": size_of(transcript),
        "canUndo": bool(document and document.can_undo),
        "canRedo": bool(document and document.can_redo),
        "from": part.start,
        "removed": part.removed,
        "segments": [segment_data(segment) for segment in part.segments],
    }


def _document(transcript: StoredTranscript | None) -> Document | None:
    if transcript is None or transcript.find_state() is None:
        return None
    return read_document(transcript)


def _data(event: gr.EventData) -> Mapping[str, Any]:
    return event._data if isinstance(event._data, dict) else {}
