"""Handlers of the table of files. It shows what the queue says, so that every tab and every browser shows the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.errors import OptionError
from qal.transcription.queue import QueuedFile, TranscriptionQueue
from ui_components.app.studio import Studio, current_user
from ui_components.transcribe.files.outputs import output_options_path
from ui_components.transcribe.files.view import ALL, MAX_SHOWN, FileRow, files_html
from ui_components.transcribe.start.chosen import delete_upload

ACTIONS = ("pause", "resume", "stop", "remove")


class FilesShown(NamedTuple):
    """Outputs of `update_files`."""

    files: Any
    sent: Any  # the HTML that the page has


class FileOpened(NamedTuple):
    """Outputs of `act_on_file`."""

    files: Any
    sent: Any
    opened: Any  # id of the file whose transcript is shown


def own_files(studio: Studio, request: gr.Request | None) -> list[QueuedFile]:
    """Returns the files of the user, the newest first; all of them for an admin and on a page without login."""
    name = current_user(request)
    files = reversed(studio.file_queue.files())
    return [file for file in files if name is None or file.user == name or studio.is_admin(name)]


def require_own_file(studio: Studio, file_id: object, request: gr.Request | None) -> QueuedFile:
    """Returns a file of the user. Raises OptionError if there is none, or if it is another user's."""
    file = studio.file_queue.find(file_id)
    studio.require_owner(file.user, file.name, request)
    return file


def show_files(studio: Studio, request: gr.Request | None, opened: str | None) -> FilesShown:
    """Shows the files."""
    files = own_files(studio, request)
    rows = [FileRow(file, _notes(studio, file) if i < MAX_SHOWN else ()) for i, file in enumerate(files)]
    shown = files_html(rows, opened)
    return FilesShown(shown, shown)


def update_files(studio: Studio, sent: str, opened: str | None, request: gr.Request) -> FilesShown:
    """Shows the files; nothing is sent if they are as the page has them."""
    shown = show_files(studio, request, opened)
    return FilesShown(gr.skip(), gr.skip()) if shown.files == sent else shown


def choose_opened(
    studio: Studio, opened: str | None, remembered: Mapping[str, Any] | None, request: gr.Request
) -> str | None:
    """Returns the file to show when the tab is opened: the one that is shown or remembered, else one with a text.

    `remembered` is {"id"} as the browser has stored it."""
    files = own_files(studio, request)
    known = [file.id for file in files]
    running = [file.id for file in files if file.state == "running"]
    with_text = [file.id for file in files if file.key]
    wanted = (opened, remembered.get("id") if isinstance(remembered, dict) else None, *running, *with_text, *known)
    return next((file_id for file_id in wanted if file_id in known), None)


def act_on_file(studio: Studio, opened: str | None, event: gr.EventData, request: gr.Request) -> FileOpened:
    """Opens, pauses, continues, stops or removes the clicked file, or all files.

    Raises OptionError if the file is another user's, and StorageError."""
    data: Mapping[str, Any] = event._data if isinstance(event._data, dict) else {}
    if "open" in data:
        opened = require_own_file(studio, data["open"], request).id
    else:
        name = next((name for name in ACTIONS if name in data), None)
        if name is None:
            raise OptionError("reload the page, then try again")
        if data[name] == ALL and name != "remove":
            _act_on_all(studio, name, request)
        else:
            file = require_own_file(studio, data[name], request)
            _act(studio, name, file)
            if name == "remove" and file.id == opened:
                opened = None
    shown = show_files(studio, request, opened)
    return FileOpened(shown.files, shown.sent, opened)


def _act_on_all(studio: Studio, name: str, request: gr.Request | None) -> None:
    for file in own_files(studio, request):  # the newest first, so that no waiting one starts in between
        if name != "resume" or file.state == "paused":
            _act(studio, name, file)


def _act(studio: Studio, name: str, file: QueuedFile) -> None:
    queue: TranscriptionQueue = studio.file_queue
    if name == "remove":
        remove_file(studio, file)
    else:
        {"pause": queue.pause, "resume": queue.resume, "stop": queue.stop}[name](file.id)


def remove_file(studio: Studio, file: QueuedFile) -> None:
    """Removes a file from the list, with its upload and its transcript, unless another file of the list has them."""
    stored_options = output_options_path(studio, file.id)
    studio.file_queue.remove(file.id)
    stored_options.unlink(missing_ok=True)
    others = studio.file_queue.files()
    if file.key and not any(other.key == file.key for other in others):
        studio.file_queue.store.delete(file.key)
    if not any(other.source == file.source for other in others):
        delete_upload(studio, Path(file.source))


def _notes(studio: Studio, file: QueuedFile) -> tuple[str, ...]:
    """Returns what was said about the sound of a file."""
    transcript = studio.file_queue.transcript(file.id) if file.key else None
    state = transcript.find_state() if transcript else None
    return state.notes if state else ()
