"""Which rows make a batch, in which order, on which rank. All from (seed, epoch)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from qal.jobs.batch_boundaries import SECONDS_JITTER, ends, share_of

JITTER = 0.15  # of the durations, so that neighbours change from epoch to epoch
STAGES = 4  # of a curriculum's epoch, from easy to hard; within one, the order is drawn
SHARED = 2**32 - 1  # in place of an epoch: what is drawn once for all of them
Draw = tuple[int, int]  # epoch, row + copy * rows


class Position(NamedTuple):
    """Where a run goes on: `batches` of `epoch` are done."""

    epoch: int
    batches: int


class LengthBuckets(Sampler[list[Draw]]):
    """Batches of like duration, in an order drawn anew each epoch.

    weights: how often a row comes in an epoch. One of weight 2 comes as copies 0 and 1; of the rows of weight 0.5
    half come, the other half in the next epoch. hardness: the first curriculum_epochs begin with the rows of low ones.
    batch_seconds: at most so much padded sound a batch (rows x the longest), instead of batch_size rows; it needs
    whole weights and no curriculum. Every epoch has as many batches, so that the schedule knows its steps.

    Over several ranks, neighbours in duration go to the ranks of one step, so that nobody waits long; each rank
    gets the same number of batches, and where they do not divide, the last step's are filled up with others."""

    def __init__(
        self,
        durations_s: ArrayLike,
        batch_size: int,
        seed: int,
        batch_seconds: float | None = None,
        weights: ArrayLike | None = None,
        hardness: ArrayLike | None = None,
        curriculum_epochs: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ):
        self.durations_s, self.batch_size, self.seed = np.asarray(durations_s), batch_size, seed
        self.batch_seconds = batch_seconds
        self.weights = np.ones(len(self.durations_s)) if weights is None else np.asarray(weights)
        self.hardness, self.curriculum_epochs = None if hardness is None else np.asarray(hardness), curriculum_epochs
        self.rank, self.ranks = rank, ranks
        self.epoch, self.resumed = 0, Position(0, 0)
        self.sampler = self  # where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def resume_at(self, position: Position) -> None:
        """Batches that a stopped epoch has done already are not drawn again.

        The epoch is set here, too: Lightning does so only after workers have begun to load."""
        self.epoch, self.resumed = position.epoch, position

    def __len__(self) -> int:
        """Batches of a whole epoch, for each rank."""
        draws = self._draws(0)
        return -(-len(self._ends(draws)) // self.ranks)

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch = self.epoch
        done = self.resumed.batches if epoch == self.resumed.epoch else 0
        rng = np.random.default_rng([self.seed, epoch])
        stages = self._stages(self._draws(epoch), epoch)
        steps = [step for stage in stages for step in self._steps(stage, rng)]
        for step in steps[done:]:
            yield [(epoch, draw) for draw in step[self.rank]]

    def _draws(self, epoch: int) -> NDArray:
        """A row at least as often as its weight says; of a fraction's rows, in turn, so many an epoch."""
        n, parts, rng = len(self.durations_s), [], np.random.default_rng([self.seed, SHARED])
        for weight in np.unique(self.weights):
            rows = np.flatnonzero(self.weights == weight)
            whole, rest = share_of(weight, len(rows))
            parts += [rows + copy * n for copy in range(whole)]
            if rest:
                turn = (epoch * rest + np.arange(rest)) % len(rows)
                parts.append(rng.permutation(rows)[turn] + whole * n)
        return np.sort(np.concatenate(parts))

    def _stages(self, draws: NDArray, epoch: int) -> list[NDArray]:
        """One; in the epochs of a curriculum STAGES of whole steps, each as hard as the one before or harder."""
        if self.hardness is None or epoch >= self.curriculum_epochs:
            return [draws]
        order = draws[np.argsort(self.hardness[draws % len(self.durations_s)], kind="stable")]
        size = -(-len(self) // STAGES) * self.batch_size * self.ranks
        return [order[i : i + size] for i in range(0, len(order), size)]

    def _steps(self, draws: NDArray, rng: np.random.Generator) -> list[list[list[int]]]:
        """In their order, each with a batch for every rank."""
        width = JITTER if self.batch_seconds is None else SECONDS_JITTER
        jitter = rng.uniform(1 - width, 1 + width, len(draws))
        order = draws[np.argsort(self._durations_of(draws) * jitter, kind="stable")]
        batches = [part.tolist() for part in np.split(order, self._ends(draws)[:-1])]
        batches += [batches[i % len(batches)] for i in range(-len(batches) % self.ranks)]
        steps = [batches[i : i + self.ranks] for i in range(0, len(batches), self.ranks)]
        return [steps[i] for i in rng.permutation(len(steps))]

    def _ends(self, draws: NDArray) -> list[int]:
        """Where batches end among the draws, the shortest first."""
        return ends(np.sort(self._durations_of(draws)), self.batch_size, self.batch_seconds)

    def _durations_of(self, draws: NDArray) -> NDArray:
        return self.durations_s[draws % len(self.durations_s)]
