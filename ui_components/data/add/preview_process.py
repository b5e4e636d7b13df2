"""The preview of an import: `qal corpus import … --dry-run --json` in a process, so that the page stays small."""

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from qal.engine.catalogue import model_environment
from qal.errors import CorpusError
from qal.storage import storage_errors
from qal.subcommand import qal_environment
from ui_components.app.open_page import require_open_page
from ui_components.data.add.wording import in_words_of_the_page

POLL_S = 0.05
ERROR = "error: "


class ShownRow(BaseModel, frozen=True):
    """A row of a preview; the fields are those of qal.corpus.importers.results.PreviewRow."""

    place: str = ""
    audio: str = ""
    text: str = ""
    duration_s: float = 0.0
    language: str = ""
    speaker: str = ""
    split_name: str = ""
    marks: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ShownPreview(BaseModel, frozen=True):
    """A preview as the command prints it; the fields are those of qal.corpus.importers.results.Preview."""

    format_name: str = ""
    format_title: str = ""
    rows: tuple[ShownRow, ...] = ()
    count: int = 0
    count_is_complete: bool = True
    problems: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    roles: Mapping[str, str] = {}
    split_counts: Mapping[str, int] = {}
    speakers: int = 0
    licence: str = ""
    attribution: str = ""
    source: str = ""
    notes: str = ""
    stops: str = ""


def run_preview(command: Sequence[str], work: Path) -> ShownPreview:
    """Runs the command and returns what it found. It ends with the page.

    Args:
        command: the command line.
        work: a folder on the disk of the datasets, in which an archive is unpacked.

    Raises:
        CorpusError: the source cannot be read; the message is the command's."""
    with storage_errors("the preview"), tempfile.TemporaryDirectory(prefix=".preview-", dir=_made(work)) as folder:
        output = Path(folder, "output")
        environment = qal_environment(TMPDIR=folder, PYTHONUNBUFFERED="1", **model_environment())
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while process.poll() is None:
                require_open_page()
                time.sleep(POLL_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return _parsed(output.read_text(encoding="utf-8", errors="replace"))


def _parsed(output: str) -> ShownPreview:
    lines = [line for line in output.splitlines() if line.strip()]
    for line in reversed(lines):
        with suppress(ValueError, ValidationError):
            found = ShownPreview.model_validate(_object(line))
            problems = tuple(map(in_words_of_the_page, found.problems))
            return found.model_copy(update={"stops": in_words_of_the_page(found.stops), "problems": problems})
    errors = [line for line in lines if line.startswith(ERROR)]
    if errors:
        raise CorpusError(in_words_of_the_page(errors[-1].removeprefix(ERROR)))
    raise CorpusError(f"the preview ended unexpectedly: {lines[-1][:300] if lines else 'no output'}")


def _object(line: str) -> Any:
    found = json.loads(line)
    if not isinstance(found, dict):
        raise ValueError(line)
    return found


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
