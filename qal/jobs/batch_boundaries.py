"""How many rows an epoch draws, and where batches end among them. No torch here: the page counts steps with it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SECONDS_JITTER = 0.05  # of the durations; small where batches are filled by seconds: the room it needs is lost
MAX_ROWS = 256


class Share(NamedTuple):
    """How often rows of one weight come: each `whole` times an epoch, and `rest` of them once more."""

    whole: int
    rest: int


def share_of(weight: float, rows: int) -> Share:
    """Of a fraction's rows, so many an epoch; of a weight below 1 at least one."""
    whole = int(weight)
    rest = round((weight - whole) * rows)
    return Share(whole, max(1, rest) if not whole else rest)


def ends(sorted_s: NDArray, batch_size: int, batch_seconds: float | None) -> list[int]:
    """Where batches end among the draws, the shortest first."""
    if batch_seconds is None:
        return [*range(batch_size, len(sorted_s), batch_size), len(sorted_s)]
    return list(_ends_by_seconds(sorted_s, batch_seconds))


def _ends_by_seconds(sorted_s: NDArray, batch_seconds: float) -> Iterator[int]:
    """Where batches of the sorted durations end, with room for the jitter j: a row at a place of the jittered order
    is at most (1 + j) / (1 - j) times as long as the row at that place of the sorted one.

    A row longer than batch_seconds is a batch of its own."""
    start = 0
    for i, seconds in enumerate(np.asarray(sorted_s) * (1 + SECONDS_JITTER) / (1 - SECONDS_JITTER)):
        if i > start and ((i - start + 1) * seconds > batch_seconds or i - start >= MAX_ROWS):
            yield i
            start = i
    yield len(sorted_s)
