"""The scores of a model over time and versions of a dataset, from stored evaluations."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from qal.errors import EvaluationError
from qal.evaluation.breakdown import Figures, counted, figures
from qal.evaluation.comparison.differences import Difference, Pair, difference
from qal.evaluation.evaluate import evaluations_of
from qal.evaluation.records import ScoredRow, read_rows
from qal.evaluation.stored import StoredEvaluation
from qal.text.normalisation.registry import SCORING, Normaliser


class HistoryEntry(NamedTuple):
    """An evaluation of the history, and the change since the one before on the same dataset and split."""

    stored: StoredEvaluation
    figures: Figures
    change: Difference | None  # None: the first one, or no example in common


def model_history(store: Path, model: str, normaliser: Normaliser = SCORING) -> list[HistoryEntry]:
    """Returns the evaluations of a model that have rows, the oldest first; damaged ones are left out.

    Args:
        store: folder of the evaluations.
        model: the name under which it was evaluated.
        normaliser: the scoring normaliser."""
    entries: list[HistoryEntry] = []
    before: dict[tuple[str, str], Sequence[ScoredRow]] = {}
    for folder, evaluation in reversed(evaluations_of(store)):
        if evaluation.model != model:
            continue
        try:
            rows = tuple(read_rows(folder))
        except EvaluationError:
            continue
        if not rows:
            continue
        key = (evaluation.corpus, evaluation.split)
        change = change_since(before.get(key, ()), rows, normaliser)
        entries.append(
            HistoryEntry(StoredEvaluation(folder, evaluation, rows), figures(counted(rows, normaliser)), change)
        )
        before[key] = rows
    return entries


def change_since(
    earlier: Sequence[ScoredRow], rows: Sequence[ScoredRow], normaliser: Normaliser = SCORING
) -> Difference | None:
    """Returns the paired difference to an earlier evaluation on the examples whose reference is still the same.

    None if there are none."""
    by_audio = {(row.audio, row.reference, row.language): row for row in earlier}
    pairs = [(row, by_audio[key]) for row in rows if (key := (row.audio, row.reference, row.language)) in by_audio]
    if not pairs:
        return None
    ours, theirs = zip(*pairs, strict=True)
    return difference(Pair(counted(ours, normaliser), counted(theirs, normaliser)))
