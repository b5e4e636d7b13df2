"""Confidence intervals and paired tests for error rates by the bootstrap (Bisani and Ney 2004).

Utterances are drawn with replacement; two systems are compared on the same draws. The draws are made in blocks, so
that the memory does not grow with the number of utterances; the results are those of a single block."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qal.evaluation.error_rates import ErrorCounts
from qal.evaluation.report import PairedDifference

DRAWS = 2000
BLOCK_UTTERANCES = 500_000  # drawn at once; a block takes 4 MB for the indices and as much for the drawn counts
INTERVAL_PERCENTILES = (2.5, 97.5)  # of a 95 % interval


@dataclass(frozen=True)
class Interval:
    """Bounds of a 95 % interval of an error rate, as shares."""

    low: float
    high: float


@dataclass(frozen=True)
class ErrorIntervals:
    """The 95 % intervals of both error rates of one system."""

    wer: Interval
    cer: Interval


def error_intervals(counts: ErrorCounts, rng: np.random.Generator) -> ErrorIntervals:
    """Returns the 95 % intervals of the WER and the CER, both from the same draws."""
    arrays = (counts.word_errors, counts.words, counts.character_errors, counts.characters)
    word_errors, words, character_errors, characters = _resampled_sums(arrays, rng)
    return ErrorIntervals(_interval(_rates(word_errors, words)), _interval(_rates(character_errors, characters)))


def paired_difference(a: ErrorCounts, b: ErrorCounts, rng: np.random.Generator) -> PairedDifference:
    """Returns the rate of `a` minus the rate of `b` in the measure that decides; negative if `a` makes fewer errors.

    With k utterances that differ, chance alone puts all on one side with a probability of 2 / 2^k (the sign test), so
    p is never smaller. The bootstrap would find any two utterances certain.

    Raises:
        ValueError: the two do not hold the same utterances in the same order."""
    if a.measure != b.measure or not np.array_equal(a.lengths, b.lengths):
        raise ValueError("the two systems were not scored on the same references")
    a_errors, b_errors, lengths = _resampled_sums((a.errors, b.errors, a.lengths), rng)
    differences = _rates(a_errors, lengths) - _rates(b_errors, lengths)
    interval = _interval(differences)
    p = 2 * min((differences <= 0).mean(), (differences >= 0).mean())
    differing = np.count_nonzero(a.errors != b.errors)
    p = min(1.0, max(p, 1 / DRAWS, 2.0 ** (1 - differing)))
    return PairedDifference(difference=a.rate - b.rate, low=interval.low, high=interval.high, p=float(p))


def _resampled_sums(arrays: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Returns the sums of each array, (n,), over each draw of n utterances: (arrays, DRAWS)."""
    n = len(arrays[0])
    draws_at_once = max(1, BLOCK_UTTERANCES // max(1, n))
    sums = np.empty((len(arrays), DRAWS), np.int64)
    for first in range(0, DRAWS, draws_at_once):
        indices = rng.integers(0, n, (min(draws_at_once, DRAWS - first), n))
        for i, array in enumerate(arrays):
            sums[i, first : first + len(indices)] = array[indices].sum(1)
    return sums


def _rates(errors: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    return errors / np.maximum(1, lengths)


def _interval(values: np.ndarray) -> Interval:
    low, high = np.percentile(values, INTERVAL_PERCENTILES)
    return Interval(float(low), float(high))
