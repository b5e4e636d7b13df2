"""Which rows make a batch, in which order, on which rank."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from torch.utils.data import Sampler

from training.checkpoints import Position


class LengthBuckets(Sampler[list[tuple[int, int]]]):
    """Batches of like duration, as (epoch, row), in an order drawn anew each epoch from (seed, epoch).

    Over several ranks, neighbours in duration go to the ranks of one step, so that nobody waits long; each rank
    gets the same number of batches, and where they do not divide, the last step's are filled up with others."""

    def __init__(self, durations_s: ArrayLike, batch_size: int, seed: int, rank: int = 0, ranks: int = 1):
        self.durations_s, self.batch_size, self.seed = np.asarray(durations_s), batch_size, seed
        self.rank, self.ranks = rank, ranks
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
        return -(-self._batches // self.ranks)

    @property
    def _batches(self) -> int:
        return -(-len(self.durations_s) // self.batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch = self.epoch
        done = self.resumed.batches if epoch == self.resumed.epoch else 0
        for step in self._steps(epoch)[done:]:
            yield [(epoch, row) for row in step[self.rank]]

    def _steps(self, epoch: int) -> list[list[list[int]]]:
        """The epoch's steps, each with a batch for every rank."""
        rng = np.random.default_rng([self.seed, epoch])
        jitter = rng.uniform(0.85, 1.15, len(self.durations_s))  # neighbours change from epoch to epoch
        order = np.argsort(self.durations_s * jitter, kind="stable")
        batches = [order[i : i + self.batch_size].tolist() for i in range(0, len(order), self.batch_size)]
        batches += [batches[i % len(batches)] for i in range(-len(batches) % self.ranks)]
        steps = [batches[i : i + self.ranks] for i in range(0, len(batches), self.ranks)]
        return [steps[i] for i in rng.permutation(len(steps))]
