"""How many utterances make a batch: a fixed number, or as many as fit into so many seconds of sound."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from training.config import TrainingConfig
from training.examples import LengthBuckets

JITTER = 0.05  # neighbours change from epoch to epoch, the batches' sizes do not
MAX_ROWS = 256


class SecondsBuckets(LengthBuckets):
    """Batches of at most batch_seconds of padded sound (rows x the longest), drawn from (seed, epoch).

    Every epoch has as many batches, so that the schedule knows its steps: their sizes come from the durations alone,
    with room for the jitter. A row at a place of the jittered order is at most (1 + j) / (1 - j) times as long as the
    row at that place of the sorted one."""

    def __init__(self, durations_s: ArrayLike, batch_seconds: float, seed: int):
        super().__init__(durations_s, 1, seed)
        longest = np.sort(self.durations_s) * (1 + JITTER) / (1 - JITTER)
        self.ends = list(batch_ends(longest, batch_seconds))

    def __len__(self) -> int:
        return len(self.ends)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        jitter = rng.uniform(1 - JITTER, 1 + JITTER, len(self.durations_s))
        order = np.argsort(self.durations_s * jitter, kind="stable")
        batches = [part.tolist() for part in np.split(order, self.ends[:-1])]
        start, self.start_at = self.start_at, 0
        yield from [batches[i] for i in rng.permutation(len(batches))][start:]


def batch_ends(longest_s: np.ndarray, batch_seconds: float) -> Iterator[int]:
    """Where batches of the sorted durations end. A row longer than batch_seconds is a batch of its own."""
    start = 0
    for i, seconds in enumerate(longest_s):
        if i > start and ((i - start + 1) * seconds > batch_seconds or i - start >= MAX_ROWS):
            yield i
            start = i
    yield len(longest_s)


def make_buckets(durations_s: ArrayLike, config: TrainingConfig) -> LengthBuckets:
    if config.compute.batch_seconds is None:
        return LengthBuckets(durations_s, config.batch_size, config.seed)
    return SecondsBuckets(durations_s, config.compute.batch_seconds, config.seed)
