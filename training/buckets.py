"""Which rows make a batch, in which order, on which rank."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from training.checkpoints import Position
from training.config import TrainingConfig

JITTER = 0.15  # of the durations, so that neighbours change from epoch to epoch
SECONDS_JITTER = 0.05  # smaller where batches are filled by seconds: the room it needs is lost
MAX_ROWS = 256


class LengthBuckets(Sampler[list[tuple[int, int]]]):
    """Batches of like duration, as (epoch, row), in an order drawn anew each epoch from (seed, epoch).

    batch_seconds: at most so much padded sound a batch (rows x the longest), instead of batch_size rows. Every epoch
    has as many batches, so that the schedule knows its steps.

    Over several ranks, neighbours in duration go to the ranks of one step, so that nobody waits long; each rank
    gets the same number of batches, and where they do not divide, the last step's are filled up with others."""

    def __init__(
        self,
        durations_s: ArrayLike,
        batch_size: int,
        seed: int,
        batch_seconds: float | None = None,
        rank: int = 0,
        ranks: int = 1,
    ):
        self.durations_s, self.seed = np.asarray(durations_s), seed
        self.rank, self.ranks = rank, ranks
        self.jitter = JITTER if batch_seconds is None else SECONDS_JITTER
        self.ends = [*range(batch_size, len(self.durations_s), batch_size), len(self.durations_s)]
        if batch_seconds is not None:
            self.ends = list(batch_ends(np.sort(self.durations_s), batch_seconds))
        self.epoch = 0
        self.resumed = Position(0, 0)
        self.sampler = self  # where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def resume_at(self, position: Position) -> None:
        """Batches that a stopped epoch has done already are not drawn again.

        The epoch is set here, too: Lightning does so only after workers have begun to load."""
        self.epoch, self.resumed = position.epoch, position

    def __len__(self) -> int:
        """Batches of a whole epoch, for each rank."""
        return -(-len(self.ends) // self.ranks)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch = self.epoch
        done = self.resumed.batches if epoch == self.resumed.epoch else 0
        for step in self._steps(epoch)[done:]:
            yield [(epoch, row) for row in step[self.rank]]

    def _steps(self, epoch: int) -> list[list[list[int]]]:
        """The epoch's steps, each with a batch for every rank."""
        rng = np.random.default_rng([self.seed, epoch])
        jitter = rng.uniform(1 - self.jitter, 1 + self.jitter, len(self.durations_s))
        order = np.argsort(self.durations_s * jitter, kind="stable")
        batches = [part.tolist() for part in np.split(order, self.ends[:-1])]
        batches += [batches[i % len(batches)] for i in range(-len(batches) % self.ranks)]
        steps = [batches[i : i + self.ranks] for i in range(0, len(batches), self.ranks)]
        return [steps[i] for i in rng.permutation(len(steps))]


def batch_ends(sorted_s: NDArray, batch_seconds: float) -> Iterator[int]:
    """Where batches of the sorted durations end, with room for the jitter j: a row at a place of the jittered order
    is at most (1 + j) / (1 - j) times as long as the row at that place of the sorted one.

    A row longer than batch_seconds is a batch of its own."""
    start = 0
    for i, seconds in enumerate(sorted_s * (1 + SECONDS_JITTER) / (1 - SECONDS_JITTER)):
        if i > start and ((i - start + 1) * seconds > batch_seconds or i - start >= MAX_ROWS):
            yield i
            start = i
    yield len(sorted_s)


def make_buckets(durations_s: ArrayLike, config: TrainingConfig, rank: int = 0, ranks: int = 1) -> LengthBuckets:
    return LengthBuckets(durations_s, config.batch_size, config.seed, config.compute.batch_seconds, rank, ranks)
