"""Confidence intervals and paired tests for error rates (Bisani and Ney 2004).

Utterances are drawn with replacement; two systems are compared on the same draws."""

from dataclasses import dataclass

import numpy as np

from qal.evaluation.error_rates import ErrorCounts

DRAWS = 2000
INTERVAL = (2.5, 97.5)  # percentiles of a 95 % interval


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """WER of a minus WER of b, with its interval and a two-sided p."""

    difference: float
    low: float
    high: float
    p: float


def wer_interval(counts: ErrorCounts, rng: np.random.Generator) -> Interval:
    low, high = np.percentile(_drawn_wer(counts, _draws(len(counts.words), rng)), INTERVAL)
    return Interval(float(low), float(high))


def paired_difference(a: ErrorCounts, b: ErrorCounts, rng: np.random.Generator) -> PairedDifference:
    """Negative means a makes fewer errors. Both must hold the same utterances in the same order."""
    if not np.array_equal(a.words, b.words):
        raise ValueError("the two systems were not scored on the same references")
    draws = _draws(len(a.words), rng)
    differences = _drawn_wer(a, draws) - _drawn_wer(b, draws)
    low, high = np.percentile(differences, INTERVAL)
    p = 2 * min((differences <= 0).mean(), (differences >= 0).mean())
    return PairedDifference(a.wer - b.wer, float(low), float(high), float(min(1.0, max(p, 1 / DRAWS))))


def _draws(n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, n, (DRAWS, n))


def _drawn_wer(counts: ErrorCounts, draws: np.ndarray) -> np.ndarray:
    return counts.word_errors[draws].sum(1) / np.maximum(1, counts.words[draws].sum(1))
