"""The import that a press begins: joined by whoever presses next, and its failure told to all."""

import sys

import pytest

from qal.errors import CorpusError
from tests.ui_components.conftest import asked_by
from ui_components.data import sample_corpus
from ui_components.data.sample_corpus import KEY, fetch_sample

BEGUN = "import time, sys; print('import of the corpus', flush=True); time.sleep(0.4); sys.exit({code!r})"


@pytest.fixture
def importing(monkeypatch: pytest.MonkeyPatch):
    """importing(code) -> the import becomes a script that ends so."""

    def script(code: str | int) -> None:
        command = [sys.executable, "-c", BEGUN.format(code=code)]
        monkeypatch.setattr(sample_corpus, "qal_command", lambda *words: command)

    monkeypatch.setattr(sample_corpus, "POLL_S", 0.1)
    return script


def test_who_presses_next_joins_the_same_import(studio, importing):
    importing(0)
    first, second = fetch_sample(studio, asked_by()), fetch_sample(studio, asked_by("anna"))
    (note, button), _ = next(first), next(second)
    assert sample_corpus.ABOUT in note
    assert not button.interactive
    assert len(studio.errands.all()) == 1
    for page in (first, second):
        *_, (_, button) = page
        assert button.interactive
    assert not studio.errands.running(KEY)


def test_why_it_failed_is_told_and_the_button_given_back(studio, importing):
    importing("error: there is no network; connect to it")
    told = []

    def listen() -> None:
        for step in fetch_sample(studio, asked_by()):
            told.append(step)

    with pytest.raises(CorpusError, match="could not be fetched: there is no network"):
        listen()
    assert told[-1][1].interactive
