"""The download of the sample dataset. It runs in the background and continues when the page is closed."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import gradio as gr

from qal.errors import CorpusError
from qal.subcommand import qal_command
from ui_components.app.background_commands import LOG_FOLDER
from ui_components.app.studio import Studio, current_user
from ui_components.widgets.choices import corpus_choices
from ui_components.widgets.markup import note_html

FETCH_LABEL = "Download the Russian sample dataset"
NO_CORPUS = (
    "There is no dataset in `{data}` yet: open Add data or Record, download the sample below, or run `qal {command}` "
    "and reload."
)
TITLE = "Downloading the sample dataset"
CONTINUES = "The download continues when this page is closed; stop it on the Models tab."
COMMAND_KEY = "corpus:sample"
FOLDER = "asterisk-ru"
POLL_S = 1.0


class FetchUpdate(NamedTuple):
    """Outputs of `fetch_sample`."""

    note: str
    fetch: gr.Button


def import_command(data: Path) -> list[str]:
    """The arguments of `qal` that import the sample dataset."""
    return ["corpus", "import", "asterisk", "--language", "ru", "--out", str(data / FOLDER)]


def no_corpus_note(studio: Studio) -> str:
    """HTML that says how to get a first dataset."""
    command = " ".join(import_command(studio.data))
    return note_html(NO_CORPUS.format(data=studio.data, command=command))


def fetch_sample(studio: Studio, request: gr.Request) -> Iterator[FetchUpdate]:
    """Starts the import, or joins the running one, and yields its progress. Raises CorpusError when it fails."""
    data = studio.data.resolve()
    command = studio.background_commands.start(
        COMMAND_KEY,
        TITLE,
        qal_command(*import_command(data)),
        data / LOG_FOLDER,
        user=current_user(request),
        join_running=True,
    )
    while command.is_running:
        progress = command.progress()
        percent = "" if progress is None else f": {100 * progress:.0f} %"
        yield FetchUpdate(note_html(f"{TITLE}{percent}. {CONTINUES}"), gr.Button(interactive=False))
        time.sleep(POLL_S)
    studio.background_commands.dismiss(COMMAND_KEY)  # the result is shown here, not on the Models tab
    note = "" if corpus_choices(studio.data) else no_corpus_note(studio)
    yield FetchUpdate(note, gr.Button(interactive=True))
    if command.has_failed:
        raise CorpusError(f"the sample dataset could not be downloaded: {command.error_reason()}")
