"""Deletion of evaluations."""

from pathlib import Path

import pytest

from qal.errors import EvaluationError
from qal.evaluation.records import EVALUATION_FILE, Evaluation, evaluation_lock, write_evaluation
from qal.evaluation.removal import delete_evaluation


def stored(store: Path, identifier: str) -> Path:
    write_evaluation(store / identifier, Evaluation(id=identifier, model="base", corpus="numbers", state="finished"))
    return store / identifier


def test_deleted_evaluation_is_gone_and_others_stay(tmp_path):
    folder, other = stored(tmp_path, "a"), stored(tmp_path, "b")
    delete_evaluation(tmp_path, "a")
    assert not folder.exists()
    assert (other / EVALUATION_FILE).is_file()


def test_evaluation_that_another_process_writes_is_not_deleted(tmp_path):
    folder = stored(tmp_path, "a")
    with evaluation_lock(folder), pytest.raises(EvaluationError, match="is running; stop it first"):
        delete_evaluation(tmp_path, "a")
    assert (folder / EVALUATION_FILE).is_file()


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "missing", "a/b", "/etc", ".jobs"])
def test_name_that_is_no_evaluation_deletes_nothing(tmp_path, name):
    store = tmp_path / "evaluations"
    stored(tmp_path, "a")
    stored(store, "b")
    (store / ".jobs").mkdir()
    with pytest.raises(EvaluationError, match="no evaluation"):
        delete_evaluation(store, name)
    assert (tmp_path / "a" / EVALUATION_FILE).is_file()
    assert (store / ".jobs").is_dir()


def test_link_in_the_folder_of_evaluations_is_not_followed(tmp_path):
    folder = stored(tmp_path / "elsewhere", "a")
    store = tmp_path / "evaluations"
    store.mkdir()
    (store / "a").symlink_to(folder)
    with pytest.raises(EvaluationError, match="no evaluation"):
        delete_evaluation(store, "a")
    assert (folder / EVALUATION_FILE).is_file()
