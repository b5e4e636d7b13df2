"""Number of times that an epoch draws an example, and the boundaries of batches in a list of sorted durations.

The training and the page's estimate of the number of steps use the same functions."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BATCH_SECONDS_JITTER = 0.05  # relative, of durations; small, because batches filled by seconds leave room for it
MAX_BATCH_EXAMPLES = 256


class Repetitions(NamedTuple):
    """How often the examples of one weight are drawn in an epoch."""

    full: int  # times that all of the examples are drawn
    extra: int  # number of examples that are drawn once more


def repetitions(weight: float, n_examples: int) -> Repetitions:
    """Splits a weight into full repetitions and extra draws; below 1, at least one example is drawn."""
    full = int(weight)
    extra = round((weight - full) * n_examples)
    return Repetitions(full, extra if full else max(1, extra))


def batch_boundaries(sorted_s: NDArray, batch_size: int, batch_seconds: float | None) -> list[int]:
    """Returns the index after the last example of each batch.

    Args:
        sorted_s: durations of the drawn examples, in seconds, the shortest first.
        batch_size: examples per batch, used if `batch_seconds` is None.
        batch_seconds: upper limit of a batch, padding included, in seconds; a longer example is a batch by itself.
    """
    if batch_seconds is None:
        return [*range(batch_size, len(sorted_s), batch_size), len(sorted_s)]
    return list(_boundaries_by_seconds(sorted_s, batch_seconds))


def _boundaries_by_seconds(sorted_s: NDArray, batch_seconds: float) -> Iterator[int]:
    """Yields the boundaries of batches that are filled by seconds.

    The training sorts durations multiplied by a random factor in [1 - j, 1 + j]. The example at a position of that
    order is at most (1 + j) / (1 - j) times as long as the one at the same position of the sorted order."""
    start = 0
    for i, seconds in enumerate(np.asarray(sorted_s) * (1 + BATCH_SECONDS_JITTER) / (1 - BATCH_SECONDS_JITTER)):
        if i > start and ((i - start + 1) * seconds > batch_seconds or i - start >= MAX_BATCH_EXAMPLES):
            yield i
            start = i
    yield len(sorted_s)
