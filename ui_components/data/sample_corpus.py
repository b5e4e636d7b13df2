"""The sample corpus, one press away wherever a corpus is missed; its import outlives the page."""

import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from qal.errors import CorpusError
from qal.subcommand import qal_command
from ui_components.app.background_commands import LOGS
from ui_components.app.studio import Studio, user_of
from ui_components.widgets.choices import corpus_choices
from ui_components.widgets.markup import note_html

FETCH = "Fetch the Russian sample corpus"  # what the button says
NO_CORPUS = "There is no corpus in `{data}` yet: fetch the sample below, or run `qal {command}` and reload."
ABOUT = "Fetching the sample corpus"
OUTLIVES = "It goes on when this page is closed; the Models tab can stop it."
KEY = "corpus:sample"
FOLDER = "asterisk-ru"
POLL_S = 1.0


def import_command(data: Path) -> list[str]:
    """The words after `qal`."""
    return ["corpus", "import", "asterisk", "--language", "ru", "--out", str(data / FOLDER)]


def no_corpus(studio: Studio) -> str:
    command = " ".join(import_command(studio.data))
    return note_html(NO_CORPUS.format(data=studio.data, command=command))


def fetch_sample(studio: Studio, request: gr.Request) -> Iterator[tuple[str, gr.Button]]:
    """Begins the import, or joins the one under way, and tells how it goes -> (note, button). Raises CorpusError."""
    data = studio.data.resolve()
    errand = studio.errands.start(
        KEY, ABOUT, qal_command(*import_command(data)), data / LOGS, user=user_of(request), or_join=True
    )
    while errand.is_running:
        share = errand.share()
        how_far = "" if share is None else f": {100 * share:.0f} %"
        yield note_html(f"{ABOUT}{how_far}. {OUTLIVES}"), gr.Button(interactive=False)
        time.sleep(POLL_S)
    studio.errands.forget(KEY)  # it has been told here
    yield "" if corpus_choices(studio.data) else no_corpus(studio), gr.Button(interactive=True)
    if errand.failed:
        raise CorpusError(f"the sample corpus could not be fetched: {errand.reason()}")
