"""Long recordings that are added on the page: a model finds times that their transcript or a long cue lacks."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from qal.cli.corpus import import_path
from qal.cli.corpus.commands import import_main
from qal.corpus.importers.alignment import TimedWord
from qal.corpus.manifest import Corpus, read_corpus
from qal.engine import corpus_readers
from tests.long_recordings import Spoken, join_utterances, srt
from tests.sounds import write_audio
from tests.ui_components.conftest import request_from
from tests.waiting import wait_until
from ui_components.data.add import actions, jobs
from ui_components.data.add.uploads import Upload


def talk(folder: Path, corpus: Corpus, kind: str) -> tuple[list[Upload], list[Spoken]]:
    """Writes a recording of 14 sentences with a text of one kind beside it. Returns the files and what is spoken."""
    rows = [row for row in corpus.rows if 2.2 < row.duration_s < 6 and row.text[0].isupper() and row.text[-1] == "."]
    samples, spoken = join_utterances(corpus, rows[:14], np.random.default_rng(0), pauses_s=(0.5, 1.5))
    text = " ".join(s.text for s in spoken)
    content = text if kind == "txt" else srt([(spoken[0].start_s, spoken[-1].end_s, text)])
    write_audio(folder / "talk.wav", samples)
    (folder / f"talk.{kind}").write_text(content, encoding="utf-8")
    return [Upload(str(folder / name), name) for name in ("talk.wav", f"talk.{kind}")], spoken


def words_from(first_s: float, spoken: list[Spoken]) -> list[TimedWord]:
    """The words, which divide the time of their sentence evenly, with times from `first_s`."""
    found = []
    for sentence in spoken:
        words = sentence.text.split()
        times_s = np.linspace(sentence.start_s, sentence.end_s, len(words) + 1) - first_s
        found += [TimedWord(f" {word}", *times) for word, times in zip(words, pairwise(times_s), strict=True)]
    return found


@pytest.mark.parametrize("kind", ["txt", "srt"])
def test_command_of_the_page_aligns_a_transcript_and_a_long_cue(
    studio, tmp_path: Path, russian_corpus: Corpus, monkeypatch: pytest.MonkeyPatch, kind: str
):
    files, spoken = talk(tmp_path / "own", russian_corpus, kind)
    known = words_from(spoken[0].start_s if kind == "srt" else 0.0, spoken)
    monkeypatch.setattr(import_path, "load_engine", lambda *_: None)
    monkeypatch.setattr(corpus_readers, "file_words", lambda *_: known)
    upload = actions.store_files(studio, files, "", "").upload
    form = actions.complete_form(studio, upload, {"kind": "upload", "name": "mine", "language": "ru"})
    command = form.import_command(studio.data)
    import_main(command[command.index("import") + 1 :])
    corpus = read_corpus(studio.data / "mine")
    assert len(corpus.rows) > 5
    assert max(row.duration_s for row in corpus.rows) < 30
    assert " ".join(row.text for row in corpus.rows) == " ".join(s.text for s in spoken)
    assert not any(row.marks for row in corpus.rows)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["txt", "srt"])
def test_page_previews_and_imports_a_transcript_and_a_long_cue_with_a_real_model(
    studio, tmp_path: Path, english_corpus: Corpus, kind: str
):
    upload = actions.store_files(studio, talk(tmp_path / "own", english_corpus, kind)[0], "", "").upload
    values = {"kind": "upload", "name": "mine", "language": "en"}
    shown = actions.show_preview(studio, upload, values)
    assert shown.start.interactive is True
    actions.start_import(studio, upload, True, values, request_from("anna"))
    ((folder, job),) = jobs.list_jobs(studio.data)
    wait_until(lambda: jobs.job_state(folder, job) != "running", timeout_s=300)
    assert jobs.job_state(folder, job) == "finished", jobs.last_line(folder)
    corpus = read_corpus(studio.data / "mine")
    assert sum(not row.marks for row in corpus.rows) > 5
    assert max(row.duration_s for row in corpus.rows) < 30
