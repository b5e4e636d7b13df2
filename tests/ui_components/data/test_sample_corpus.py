"""The download of the sample dataset: joined by a second page, and its failure reported."""

import sys

import pytest

from qal.errors import CorpusError
from tests.ui_components.conftest import request_from
from ui_components.data import sample_corpus
from ui_components.data.sample_corpus import COMMAND_KEY, fetch_sample

IMPORT = "import time, sys; print('import of the corpus', flush=True); time.sleep(0.4); sys.exit({exit_code!r})"


@pytest.fixture
def script_import(monkeypatch: pytest.MonkeyPatch):
    """script_import(exit_code) replaces the import by a script with this exit code or error message."""

    def script(exit_code: str | int) -> None:
        command = [sys.executable, "-c", IMPORT.format(exit_code=exit_code)]
        monkeypatch.setattr(sample_corpus, "qal_command", lambda *words: command)

    monkeypatch.setattr(sample_corpus, "POLL_S", 0.1)
    return script


def test_second_page_joins_the_running_download(studio, script_import):
    script_import(0)
    first, second = fetch_sample(studio, request_from()), fetch_sample(studio, request_from("anna"))
    update, _ = next(first), next(second)
    assert sample_corpus.TITLE in update.note
    assert not update.fetch.interactive
    assert len(studio.background_commands.all()) == 1
    for page in (first, second):
        *_, last = page
        assert last.fetch.interactive
    assert not studio.background_commands.running(COMMAND_KEY)


def test_failed_download_is_reported_and_the_button_enabled(studio, script_import):
    script_import("error: there is no network; connect to it")
    updates = []

    def collect_updates() -> None:
        for update in fetch_sample(studio, request_from()):
            updates.append(update)

    with pytest.raises(CorpusError, match="could not be downloaded: there is no network"):
        collect_updates()
    assert updates[-1].fetch.interactive
