"""Confidence intervals and paired tests for error rates by the bootstrap (Bisani and Ney 2004).

Utterances are drawn with replacement; two systems are compared on the same draws."""

from dataclasses import dataclass

import numpy as np

from qal.evaluation.error_rates import ErrorCounts
from qal.evaluation.report import PairedDifference

DRAWS = 2000
INTERVAL_PERCENTILES = (2.5, 97.5)  # of a 95 % interval


@dataclass(frozen=True)
class Interval:
    """Bounds of a 95 % interval of an error rate, as shares."""

    low: float
    high: float


def wer_interval(counts: ErrorCounts, rng: np.random.Generator) -> Interval:
    """Returns the 95 % interval of the WER."""
    rates = _resampled_wer(counts, _draw_utterances(len(counts.words), rng))
    low, high = np.percentile(rates, INTERVAL_PERCENTILES)
    return Interval(float(low), float(high))


def paired_difference(a: ErrorCounts, b: ErrorCounts, rng: np.random.Generator) -> PairedDifference:
    """Returns the WER of `a` minus the WER of `b`; negative if `a` makes fewer errors.

    Raises:
        ValueError: the two do not hold the same utterances in the same order."""
    if not np.array_equal(a.words, b.words):
        raise ValueError("the two systems were not scored on the same references")
    draws = _draw_utterances(len(a.words), rng)
    differences = _resampled_wer(a, draws) - _resampled_wer(b, draws)
    low, high = np.percentile(differences, INTERVAL_PERCENTILES)
    p = 2 * min((differences <= 0).mean(), (differences >= 0).mean())
    p = min(1.0, max(p, 1 / DRAWS))
    return PairedDifference(difference=a.wer - b.wer, low=float(low), high=float(high), p=float(p))


def _draw_utterances(n: int, rng: np.random.Generator) -> np.ndarray:
    """Returns indices of utterances, (DRAWS, n)."""
    return rng.integers(0, n, (DRAWS, n))


def _resampled_wer(counts: ErrorCounts, draws: np.ndarray) -> np.ndarray:
    """Returns the WER of each draw, (DRAWS,)."""
    return counts.word_errors[draws].sum(1) / np.maximum(1, counts.words[draws].sum(1))
