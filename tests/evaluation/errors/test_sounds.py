"""Evaluations of sounds without speech."""

from pathlib import Path

import numpy as np
import pytest

from qal.errors import CorpusError, EvaluationError
from qal.evaluation.errors.analysis import analyse
from qal.evaluation.errors.sounds import evaluate_sounds, find_sounds
from qal.evaluation.records import Evaluation, evaluation_lock, read_evaluation, read_rows
from qal.evaluation.transcribers import Heard
from tests.sounds import sine, write_audio

EVALUATION = Evaluation(id="e1", model="scripted", corpus="sounds")


class Inventor:
    """Writes "thank you" for each sound of a folder named "music", or raises the given error."""

    def __init__(self, error: BaseException | None = None):
        self.settings = {"device": "none"}
        self.error = error
        self.rows = []

    def transcribe(self, row, samples, language) -> Heard:
        if self.error:
            raise self.error
        self.rows.append((row.audio, len(samples)))
        return Heard("thank you" if row.audio.startswith("music") else "", 0.1)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    for i in range(3):
        write_audio(folder / "music" / f"{i}.wav", sine(440, 2))
    write_audio(folder / "noise" / "long.wav", sine(300, 40))
    write_audio(folder / "noise" / "silent.wav", np.zeros(16_000, np.float32))
    (folder / "noise" / "broken.wav").write_bytes(b"no audio")
    (folder / "readme.txt").write_text("no audio")
    return folder


def test_invented_words_of_sounds_are_counted(tmp_path, sounds):
    inventor = Inventor()
    evaluation = evaluate_sounds(tmp_path / "e1", EVALUATION, sounds, inventor)
    assert (evaluation.state, evaluation.total, sum(evaluation.left_out.values())) == ("finished", 6, 2)
    assert dict(inventor.rows)["noise/long.wav"] == 29 * 16_000
    silent = analyse(read_rows(tmp_path / "e1"), with_phonemes=False).silent
    assert (len(silent.rows), len(silent.with_words), silent.words) == (4, 3, 6)
    assert silent.texts == (("thank you", (0, 1, 2)),)


def test_stopped_evaluation_of_sounds_is_continued(tmp_path, sounds):
    folder, stops = tmp_path / "e1", iter([False, False, True])
    stopped = evaluate_sounds(folder, EVALUATION, sounds, Inventor(), should_stop=lambda: next(stops))
    assert (stopped.state, len(read_rows(folder))) == ("stopped", 2)
    second = Inventor()
    assert evaluate_sounds(folder, EVALUATION, sounds, second).state == "finished"
    assert len(second.rows) == 2
    assert len(read_rows(folder)) == 4


def test_failed_evaluation_of_sounds_keeps_the_reason(tmp_path, sounds):
    with pytest.raises(EvaluationError):
        evaluate_sounds(tmp_path / "e1", EVALUATION, sounds, Inventor(EvaluationError("the server is gone")))
    assert read_evaluation(tmp_path / "e1").problem == "the server is gone"


def test_interrupted_evaluation_of_sounds_is_a_stopped_one(tmp_path, sounds):
    with pytest.raises(KeyboardInterrupt):
        evaluate_sounds(tmp_path / "e1", EVALUATION, sounds, Inventor(KeyboardInterrupt()))
    found = read_evaluation(tmp_path / "e1")
    assert (found.state, found.problem) == ("stopped", "")


def test_evaluation_of_sounds_that_another_process_writes_is_left_alone(tmp_path, sounds):
    with evaluation_lock(tmp_path / "e1"), pytest.raises(EvaluationError, match="another process"):
        evaluate_sounds(tmp_path / "e1", EVALUATION, sounds, Inventor())
    assert read_rows(tmp_path / "e1") == []


def test_number_of_sounds_is_bounded_and_an_empty_folder_is_refused(tmp_path, sounds):
    assert len(find_sounds(sounds, 2)) == 2
    with pytest.raises(CorpusError, match="no audio files"):
        find_sounds(tmp_path / "nothing")
