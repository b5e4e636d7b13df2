"""The stored evaluations with their figures, kept in memory while their files do not change."""

import functools
import time
from dataclasses import dataclass
from pathlib import Path

from qal.errors import EvaluationError, StorageError
from qal.evaluation.breakdown import Figures, counted, figures
from qal.evaluation.errors.analysis import ErrorAnalysis, analyse
from qal.evaluation.evaluate import evaluations_of
from qal.evaluation.records import ROWS_FILE, Evaluation, read_evaluation, read_rows
from qal.text.normalisation.registry import NORMALISERS, OLDEST, find_normaliser

CACHED_ANALYSES = 8
CACHED_FIGURES = 512
QUIET_S = 180  # an evaluation without a new row for this time is not running any more, whatever its file says


@dataclass(frozen=True)
class Listed:
    """An evaluation of the list."""

    folder: Path
    evaluation: Evaluation
    figures: Figures | None  # None: no example is scored yet

    @property
    def state(self) -> str:
        """Its state; "interrupted" if its process ended without a word."""
        is_quiet = self.evaluation.state == "running" and time.time() - last_change(self.folder) > QUIET_S
        return "interrupted" if is_quiet else self.evaluation.state

    @property
    def normaliser(self) -> str:
        return known_normaliser(self.evaluation)


def list_evaluations(evaluations: Path) -> list[Listed]:
    """Returns the evaluations of a folder with their figures, the newest first; damaged ones are left out."""
    listed = []
    for folder, evaluation in evaluations_of(evaluations):
        try:
            listed.append(Listed(folder, evaluation, figures_of(folder, known_normaliser(evaluation))))
        except (EvaluationError, StorageError):
            continue
    return listed


def known_normaliser(evaluation: Evaluation) -> str:
    """Returns the identifier of the normaliser of an evaluation; the oldest if this version does not know it."""
    return evaluation.normaliser if evaluation.normaliser in NORMALISERS else OLDEST.id


def find_evaluation(evaluations: Path, evaluation_id: object) -> Path:
    """Returns the folder of an evaluation. Raises EvaluationError if the id, which comes from a page, is none."""
    folders = {evaluation.id: folder for folder, evaluation in evaluations_of(evaluations)}
    if evaluation_id not in folders:
        raise EvaluationError("this evaluation is no longer there; choose another one")
    return folders[str(evaluation_id)]


def figures_of(folder: Path, normaliser: str) -> Figures | None:
    """Returns the figures of an evaluation; None while nothing is scored. Raises EvaluationError."""
    return _figures(folder, _version(folder), normaliser)


def analysis_of(folder: Path, normaliser: str) -> ErrorAnalysis:
    """Returns the errors of an evaluation. Raises EvaluationError if it is damaged or nothing is scored yet."""
    return _analysis(folder, _version(folder), normaliser)


def evaluation_of(folder: Path) -> Evaluation:
    """Reads the settings of an evaluation. Raises EvaluationError."""
    return read_evaluation(folder)


def last_change(folder: Path) -> float:
    """Returns when the last row was written, in seconds since 1970; 0 if there is none."""
    return max((path.stat().st_mtime for path in (folder / ROWS_FILE, folder) if path.exists()), default=0.0)


@functools.lru_cache(CACHED_FIGURES)
def _figures(folder: Path, version: tuple[int, int], normaliser: str) -> Figures | None:
    rows = read_rows(folder)
    return figures(counted(rows, find_normaliser(normaliser))) if rows else None


@functools.lru_cache(CACHED_ANALYSES)
def _analysis(folder: Path, version: tuple[int, int], normaliser: str) -> ErrorAnalysis:
    return analyse(read_rows(folder), find_normaliser(normaliser), with_phonemes=False)


def _version(folder: Path) -> tuple[int, int]:
    """Returns a value that changes with the rows."""
    try:
        status = (folder / ROWS_FILE).stat()
    except OSError:
        return (0, 0)
    return (status.st_size, status.st_mtime_ns)
