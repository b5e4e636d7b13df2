"""Temporary audio files for the browser. They are stored next to Gradio's uploads and deleted after an hour."""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from gradio.utils import get_upload_folder

from qal.storage import storage_errors

FOLDER_NAME = "served"
MAX_AGE_S = 3600


def new_served_file(name: str) -> Path:
    """A path in a new folder that the browser may read. Deletes the files that are too old."""
    folder = Path(get_upload_folder(), FOLDER_NAME).resolve()
    with storage_errors(f"the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        _delete_old_files(folder)
        return Path(tempfile.mkdtemp(dir=folder), name)


def file_url(path: Path) -> str:
    """The URL of a file, relative to the page, because a proxy may serve the page under a path."""
    return f"gradio_api/file={quote(str(path.resolve()))}"


def _delete_old_files(folder: Path) -> None:
    for file_folder in folder.iterdir():
        with suppress(FileNotFoundError):  # another request may delete it at the same time
            if time.time() - file_folder.stat().st_mtime > MAX_AGE_S:
                shutil.rmtree(file_folder, ignore_errors=True)
