"""The chosen files: uploads and recordings are moved into the folder of transcripts, files of the server stay there."""

import secrets
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from qal.errors import OptionError
from qal.transcription.sources import find_sources
from ui_components.app.studio import Studio
from ui_components.data.add.places import allowed_folders, require_source
from ui_components.data.add.uploads import Upload, store_upload
from ui_components.transcribe.start.form import shown_name
from ui_components.widgets.choices import Choices

UPLOADS_FOLDER = ".uploads"  # in the folder of transcripts
MAX_FILES = 1000  # at once
MAX_LISTED = 500
RECORDING_NAME = "Recording %Y-%m-%d %H-%M-%S"


class ChosenFile(NamedTuple):
    """A file that is to be transcribed, and the name that is shown for it."""

    path: Path
    name: str


def uploaded(studio: Studio, uploads: Sequence[Upload]) -> list[ChosenFile]:
    """Moves uploaded files out of Gradio's folder, which is emptied every hour. Raises StorageError."""
    if not uploads:
        raise OptionError("choose files first")
    if len(uploads) > MAX_FILES:
        raise OptionError(f"more than {MAX_FILES} files at once; choose fewer, or use qal transcribe FOLDER")
    found = []
    for upload in uploads:
        folder = _new_folder(studio)
        store_upload([Upload(*upload)], folder)
        (path,) = folder.iterdir()
        found.append(ChosenFile(path, shown_name(path)))
    return found


def recorded(studio: Studio, path: str | None) -> list[ChosenFile]:
    """Keeps a recording of the page. Raises OptionError if there is none."""
    if not path:
        raise OptionError("record something first")
    folder = _new_folder(studio)
    name = f"{time.strftime(RECORDING_NAME)}{Path(path).suffix}"
    store_upload([Upload(path, name)], folder)
    return [ChosenFile(folder / name, name)]


def on_server(studio: Studio, path: str | None) -> list[ChosenFile]:
    """Finds a file of the server, or the audio and video of a folder. Raises OptionError."""
    source = require_source(studio, path)
    folders = allowed_folders(studio)  # a link in a folder may lead out of them
    found = [
        one
        for one in find_sources([source]).sources
        if any(one.path.resolve().is_relative_to(folder) for folder in folders)
    ]
    if not found:
        raise OptionError(f"there is no audio or video in {source.name}; choose another folder")
    if len(found) > MAX_FILES:
        raise OptionError(f"{source.name} has more than {MAX_FILES} files; choose a folder in it")
    return [ChosenFile(one.path, shown_name(one.path)) for one in found]


def server_choices(studio: Studio) -> Choices:
    """Returns the entries of the folders from which files may be transcribed."""
    choices: Choices = []
    for folder in allowed_folders(studio):
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        shown = [path for path in entries if not path.name.startswith(".")]
        choices += [(f"{folder.name}/{shown_name(path)}", str(path)) for path in shown[:MAX_LISTED]]
    return choices


def delete_upload(studio: Studio, source: Path) -> None:
    """Deletes the copy of an uploaded file; files of the server are kept."""
    folder = (studio.transcripts / UPLOADS_FOLDER).resolve()
    if source.resolve().parent.parent == folder:
        shutil.rmtree(source.parent, ignore_errors=True)


def _new_folder(studio: Studio) -> Path:
    return studio.transcripts.resolve() / UPLOADS_FOLDER / secrets.token_hex(8)
