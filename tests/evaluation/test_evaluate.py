"""An evaluation keeps what is done when it is stopped, killed or out of disk, and is continued by the same call."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qal.corpus.left_out import SILENT, UNREADABLE
from qal.corpus.manifest import Corpus, Row, write_corpus
from qal.errors import CorpusError, EvaluationError, ModelError, StorageError
from qal.evaluation import records
from qal.evaluation.evaluate import NO_TRANSCRIPT, Selection, evaluate, evaluations_of, select_rows
from qal.evaluation.records import (
    EVALUATION_FILE,
    ROWS_FILE,
    Evaluation,
    RowsWriter,
    ScoredRow,
    count_rows,
    evaluation_lock,
    read_evaluation,
    read_rows,
    rows_writer,
    write_evaluation,
)
from tests.evaluation.evaluated import ScriptedTranscriber, speech_corpus
from tests.sounds import write_audio

SETTINGS = Evaluation(id="e", model="m", corpus="c")


def run(folder: Path, corpus: Corpus, transcriber: ScriptedTranscriber, **settings) -> Evaluation:
    return evaluate(folder, SETTINGS, corpus, select_rows(corpus, "test"), transcriber, **settings)


def names(rows: Sequence[ScoredRow]) -> list[str]:
    return [row.audio for row in rows]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return speech_corpus(tmp_path / "mine")


def test_a_finished_evaluation_holds_a_row_for_each_example_and_its_settings(corpus: Corpus, tmp_path: Path):
    found = run(tmp_path / "e", corpus, ScriptedTranscriber({"audio/1.wav": "say a number"}))
    assert read_evaluation(tmp_path / "e") == found
    assert (found.state, found.total, found.decoding, found.left_out) == ("finished", 6, {"beam_size": 1}, {})
    rows = read_rows(tmp_path / "e")
    assert names(rows) == names(corpus.rows)  # pyright: ignore[reportArgumentType]
    assert rows[1].hypothesis == "say a number"
    assert (rows[1].speaker, rows[1].language, rows[1].duration_s, rows[1].seconds) == ("speaker 1", "en", 0.5, 0.1)
    assert count_rows(rows).word_errors.tolist() == [0, 3, 0, 0, 0, 0]


def test_a_stopped_evaluation_keeps_its_rows_and_is_continued_with_the_others(corpus: Corpus, tmp_path: Path):
    first = ScriptedTranscriber()
    stopped = run(tmp_path / "e", corpus, first, should_stop=lambda: len(first.asked) == 2)
    assert (stopped.state, len(read_rows(tmp_path / "e"))) == ("stopped", 2)
    second, seen = ScriptedTranscriber(), []
    assert run(tmp_path / "e", corpus, second, progress=lambda done, of: seen.append((done, of))).state == "finished"
    assert [*first.asked, *second.asked] == names(corpus.rows)  # pyright: ignore[reportArgumentType]
    assert (seen[0], seen[-1]) == ((2, 6), (6, 6))


def test_an_interrupted_evaluation_is_a_stopped_one_that_is_continued(corpus: Corpus, tmp_path: Path):
    def interrupt(row: Row) -> None:
        if row.audio == "audio/3.wav":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "e", corpus, ScriptedTranscriber(before=interrupt))
    assert (read_evaluation(tmp_path / "e").state, len(read_rows(tmp_path / "e"))) == ("stopped", 3)
    rest = ScriptedTranscriber()
    assert run(tmp_path / "e", corpus, rest).state == "finished"
    assert rest.asked == ["audio/3.wav", "audio/4.wav", "audio/5.wav"]


@pytest.mark.parametrize("torn", [1, 10, 60])
def test_a_row_torn_by_a_kill_is_transcribed_again_and_damages_no_other(corpus: Corpus, tmp_path: Path, torn: int):
    run(tmp_path / "e", corpus, ScriptedTranscriber())
    path = tmp_path / "e" / ROWS_FILE
    path.write_bytes(path.read_bytes()[:-torn])
    assert len(read_rows(tmp_path / "e")) == 5
    rest = ScriptedTranscriber()
    assert run(tmp_path / "e", corpus, rest).state == "finished"
    assert rest.asked == ["audio/5.wav"]
    assert names(read_rows(tmp_path / "e")) == names(corpus.rows)  # pyright: ignore[reportArgumentType]


def test_a_damaged_row_within_the_file_is_an_error_that_names_its_line(corpus: Corpus, tmp_path: Path):
    run(tmp_path / "e", corpus, ScriptedTranscriber())
    path = tmp_path / "e" / ROWS_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{\n", *lines[2:]]))
    with pytest.raises(EvaluationError, match="line 2 is damaged"):
        read_rows(tmp_path / "e")


def test_an_evaluation_that_never_began_has_no_rows(tmp_path: Path):
    assert read_rows(tmp_path) == []
    with pytest.raises(EvaluationError, match="missing or damaged"):
        read_evaluation(tmp_path)


def test_unreadable_and_silent_audio_and_missing_transcripts_are_left_out_and_counted(corpus: Corpus, tmp_path: Path):
    corpus.audio_path(corpus.rows[0]).write_bytes(b"not audio")
    write_audio(corpus.audio_path(corpus.rows[1]), np.zeros(8000, np.float32))
    transcriber = ScriptedTranscriber(missing=frozenset({"audio/2.wav"}))
    found = run(tmp_path / "e", corpus, transcriber)
    assert found.left_out == {UNREADABLE: 1, SILENT: 1, NO_TRANSCRIPT: 1}
    assert names(read_rows(tmp_path / "e")) == ["audio/3.wav", "audio/4.wav", "audio/5.wav"]
    assert run(tmp_path / "e", corpus, transcriber).left_out == found.left_out  # not counted twice


def test_marked_wordless_and_long_examples_are_not_selected_and_counted(corpus: Corpus):
    changes = [{"marks": ("noisy",)}, {"text": "?!"}, {"duration_s": 29.0}]
    rows = [row.model_copy(update=change) for row, change in zip(corpus.rows, changes, strict=False)]
    changed = write_corpus(corpus.folder, corpus.info, [*rows, *corpus.rows[3:]])
    selection = select_rows(changed, "test")
    assert len(selection.rows) == 3
    assert selection.left_out == {'marked "noisy"': 1, "without text": 1, "longer than 29 s": 1}
    assert len(select_rows(changed, "test", 2).rows) == 2
    with pytest.raises(CorpusError, match="choose another split"):
        select_rows(changed, "validation")


def test_a_full_disk_stops_the_evaluation_and_what_was_written_is_continued(
    corpus: Corpus, tmp_path: Path, monkeypatch
):
    append = RowsWriter.append

    def full(self: RowsWriter, row: ScoredRow) -> None:
        if row.audio == "audio/2.wav":
            self._file.write(b'{"audio": "audio/2')  # the part that still fits
            self._file.flush()
            raise OSError(errno.ENOSPC, "No space left on device")
        append(self, row)

    monkeypatch.setattr(RowsWriter, "append", full)
    with pytest.raises(StorageError, match="no space left"):
        run(tmp_path / "e", corpus, ScriptedTranscriber())
    assert read_evaluation(tmp_path / "e").state == "failed"
    assert "no space left" in read_evaluation(tmp_path / "e").problem
    monkeypatch.setattr(RowsWriter, "append", append)
    rest = ScriptedTranscriber()
    assert run(tmp_path / "e", corpus, rest).state == "finished"
    assert rest.asked[0] == "audio/2.wav"
    assert len(read_rows(tmp_path / "e")) == 6


def test_the_error_of_a_full_disk_is_raised_although_the_state_cannot_be_written(corpus, tmp_path, monkeypatch):
    write = records.write_evaluation

    def first_only(folder: Path, evaluation: Evaluation) -> None:
        if evaluation.state != "running":
            raise StorageError("the state does not fit either")
        write(folder, evaluation)

    monkeypatch.setattr("qal.evaluation.evaluate.write_evaluation", first_only)

    def fail(row: Row) -> None:
        raise StorageError("no space left for the row")

    with pytest.raises(StorageError, match="for the row"):
        run(tmp_path / "e", corpus, ScriptedTranscriber(before=fail))


def test_a_failure_of_the_system_stands_in_the_evaluation(corpus: Corpus, tmp_path: Path):
    def fail(row: Row) -> None:
        raise ModelError("the server is gone")

    with pytest.raises(ModelError):
        run(tmp_path / "e", corpus, ScriptedTranscriber(before=fail))
    found = read_evaluation(tmp_path / "e")
    assert (found.state, found.problem) == ("failed", "the server is gone")


def test_a_dataset_that_is_deleted_meanwhile_is_an_error_and_not_unreadable_audio(corpus: Corpus, tmp_path: Path):
    def delete(row: Row) -> None:
        if row.audio == "audio/1.wav":
            shutil.rmtree(corpus.folder)

    with pytest.raises(CorpusError, match="the dataset is gone"):
        run(tmp_path / "e", corpus, ScriptedTranscriber(before=delete))
    assert len(read_rows(tmp_path / "e")) == 2


def test_two_processes_cannot_write_one_evaluation(corpus: Corpus, tmp_path: Path):
    with evaluation_lock(tmp_path / "e"), pytest.raises(EvaluationError, match="another process"):
        run(tmp_path / "e", corpus, ScriptedTranscriber())
    assert run(tmp_path / "e", corpus, ScriptedTranscriber()).state == "finished"


def test_rows_with_any_text_are_read_as_they_were_written(tmp_path: Path):
    texts = ["", "nan", "line\u2028separator", "tab\tand\nnewline", "\u202eשלום", "😀", '"quoted\\', "\x00", "ሰላም።"]
    rows = [ScoredRow(audio=f"{i}", reference=t, hypothesis=t[::-1], duration_s=1) for i, t in enumerate(texts)]
    tmp_path.joinpath("e").mkdir()
    with rows_writer(tmp_path / "e") as writer:
        for row in rows:
            writer.append(row)
    assert read_rows(tmp_path / "e") == rows


def test_numbers_that_are_not_finite_are_refused_in_a_row():
    for value in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ValueError, match="duration_s"):
            ScoredRow(audio="a", reference="", hypothesis="", duration_s=value)


def test_evaluations_are_listed_newest_first_without_damaged_ones(tmp_path: Path):
    for i, started in enumerate((5.0, 9.0, 7.0)):
        write_evaluation(tmp_path / str(i), SETTINGS.model_copy(update={"started": started}))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / EVALUATION_FILE).write_text("{")
    (tmp_path / "file").write_text("")
    assert [folder.name for folder, _ in evaluations_of(tmp_path)] == ["1", "2", "0"]
    assert evaluations_of(tmp_path / "none") == []


def test_the_language_of_the_evaluation_replaces_that_of_the_examples(corpus: Corpus, tmp_path: Path):
    settings = SETTINGS.model_copy(update={"language": "de"})
    evaluate(tmp_path / "e", settings, corpus, Selection(corpus.rows[:1], {}), ScriptedTranscriber())
    assert read_rows(tmp_path / "e")[0].language == "de"


def test_evaluations_that_cannot_be_read_do_not_hide_the_others(tmp_path: Path):
    good = Evaluation(id="good", model="base", corpus="mine")
    write_evaluation(tmp_path / "good", good)
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / EVALUATION_FILE)
    for number, started in enumerate(("1e300", "NaN", "-1")):
        folder = tmp_path / f"time {number}"
        write_evaluation(folder, good)
        stored = (folder / EVALUATION_FILE).read_text()
        (folder / EVALUATION_FILE).write_text(stored.replace(f'"started": {good.started}', f'"started": {started}'))
    assert [folder.name for folder, _ in evaluations_of(tmp_path)] == ["good"]
