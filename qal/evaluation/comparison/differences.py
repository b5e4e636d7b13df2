"""Compares systems on the same examples: the paired test, with Holm's correction where there are several."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from qal.errors import EvaluationError
from qal.evaluation.bootstrap import paired_difference
from qal.evaluation.breakdown import SEED, Counted, Figures, counted, figures
from qal.evaluation.records import ScoredRow
from qal.evaluation.report import PairedDifference
from qal.text.normalisation.registry import SCORING, Normaliser

ALPHA = 0.05  # a difference with a smaller corrected p is significant
Verdict = Literal["better", "worse", "same", ""]  # "same": not significant; "": it is the baseline


class Pair(NamedTuple):
    """Two systems on the examples that both have, in the same order."""

    system: Counted
    baseline: Counted


class Difference(NamedTuple):
    """The paired difference of a system to a baseline, on the examples that both have."""

    paired: PairedDifference
    utterances: int


def common_examples(system: Sequence[ScoredRow], baseline: Sequence[ScoredRow], normaliser: Normaliser) -> Pair:
    """Returns the examples that both systems have, with the same reference.

    Raises EvaluationError if there are none, or if the references differ."""
    by_audio = {row.audio: row for row in baseline}
    pairs = [(row, by_audio[row.audio]) for row in system if row.audio in by_audio]
    if not pairs:
        raise EvaluationError("the two evaluations have no example in common; evaluate both on the same dataset")
    if any(a.reference != b.reference or a.language != b.language for a, b in pairs):
        raise EvaluationError("the references of the two evaluations differ; evaluate both on the same dataset version")
    ours, theirs = zip(*pairs, strict=True)
    return Pair(counted(ours, normaliser), counted(theirs, normaliser))


def difference(pair: Pair) -> Difference:
    """Returns the rate of the system minus that of the baseline in the measure that decides, with its test."""
    paired = paired_difference(pair.system.counts, pair.baseline.counts, np.random.default_rng(SEED))
    return Difference(paired, len(pair.system.rows))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrects p values for the number of tests, so that the chance of any false difference stays below alpha.

    The smallest of n is multiplied by n, the next by n - 1, and so on; none becomes smaller than one before it (Holm
    1979). Returns them in the given order."""
    n = len(p_values)
    corrected = [0.0] * n
    highest = 0.0
    for rank, i in enumerate(sorted(range(n), key=lambda i: p_values[i])):
        highest = max(highest, min(1.0, (n - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


@dataclass(frozen=True)
class Cell:
    """One system on one dataset."""

    model: str
    corpus: str
    figures: Figures
    difference: Difference | None  # to the baseline on the same dataset; None of the baseline itself
    corrected_p: float | None = None

    @property
    def verdict(self) -> Verdict:
        if self.difference is None or self.corrected_p is None:
            return ""
        if self.corrected_p >= ALPHA:
            return "same"
        return "better" if self.difference.paired.difference < 0 else "worse"


def compare(
    results: Mapping[tuple[str, str], Sequence[ScoredRow]], baseline: str, normaliser: Normaliser = SCORING
) -> list[Cell]:
    """Compares systems with a baseline on each dataset; the p values of all tests are corrected together.

    Args:
        results: the rows of each (model, dataset).
        baseline: the model that the others are compared with.
        normaliser: the scoring normaliser.

    Raises:
        EvaluationError: the baseline was not scored on a dataset, or on other examples."""
    cells = []
    for (model, corpus), rows in results.items():
        if (baseline, corpus) not in results:
            raise EvaluationError(f"the baseline '{baseline}' was not evaluated on {corpus}; evaluate it first")
        found = None
        if model != baseline:
            found = difference(common_examples(rows, results[baseline, corpus], normaliser))
        cells.append(Cell(model, corpus, figures(counted(rows, normaliser)), found))
    return corrected(cells)


def corrected(cells: Iterable[Cell]) -> list[Cell]:
    """Returns the cells with the corrected p of each difference."""
    cells = list(cells)
    tested = [cell for cell in cells if cell.difference]
    p_values = iter(holm([cell.difference.paired.p for cell in tested if cell.difference]))
    return [
        Cell(cell.model, cell.corpus, cell.figures, cell.difference, next(p_values)) if cell.difference else cell
        for cell in cells
    ]
