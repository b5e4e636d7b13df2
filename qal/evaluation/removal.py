"""Deletion of stored evaluations."""

import shutil
from pathlib import Path

from qal.errors import EvaluationError
from qal.evaluation.evaluate import evaluations_of
from qal.evaluation.records import evaluation_lock
from qal.storage import storage_errors


def delete_evaluation(store: Path, identifier: str) -> None:
    """Deletes an evaluation with its transcripts.

    Args:
        store: folder of the evaluations.
        identifier: id of the evaluation, which is the name of its folder.

    Raises:
        EvaluationError: there is no such evaluation, or a process is writing it.
        StorageError: a file cannot be deleted."""
    folders = {path.name: path for path, _ in evaluations_of(store) if not path.is_symlink()}
    if identifier not in folders:
        raise EvaluationError(f"there is no evaluation '{identifier}' in {store}; its folders are the ids")
    require_idle(folders[identifier])
    with evaluation_lock(folders[identifier]), storage_errors(f"the evaluation {identifier}"):
        shutil.rmtree(folders[identifier])


def require_idle(folder: Path) -> None:
    """Raises EvaluationError while a process writes the evaluation."""
    try:
        with evaluation_lock(folder):
            return
    except EvaluationError as error:
        raise EvaluationError(f"the evaluation {folder.name} is running; stop it first") from error
