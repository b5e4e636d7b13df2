"""Sounds that are made for a browser. They lie beside Gradio's uploads, and go when they are old."""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from gradio.utils import get_upload_folder

from qal.storage import storage_errors

KEPT_S = 3600  # seconds that a made sound can be played or fetched


def made_file(name: str) -> Path:
    """A place for a file that a browser may fetch, in a new folder; older ones are removed."""
    made = Path(get_upload_folder(), "made").resolve()
    with storage_errors(f"the folder {made}"):
        made.mkdir(parents=True, exist_ok=True)
        _sweep(made)
        return Path(tempfile.mkdtemp(dir=made), name)


def url_of(path: Path) -> str:
    """Relative to the page, which a proxy may show under a path of its own."""
    return f"gradio_api/file={quote(str(path.resolve()))}"


def _sweep(made: Path) -> None:
    for folder in made.iterdir():
        with suppress(FileNotFoundError):  # another one sweeps too
            if time.time() - folder.stat().st_mtime > KEPT_S:
                shutil.rmtree(folder, ignore_errors=True)
