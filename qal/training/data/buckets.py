"""Batch sampler: the examples of each batch, the order of batches, and the batches of each rank.

All of it depends on (seed, epoch) alone."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from qal.jobs.batch_boundaries import BATCH_SECONDS_JITTER, batch_boundaries, repetitions

DURATION_JITTER = 0.15  # relative; it changes which examples share a batch from epoch to epoch
CURRICULUM_STAGES = 4  # of an epoch, from easy to hard; the order within a stage is random
ALL_EPOCHS = 2**32 - 1  # replaces the epoch in the seed of choices that hold for every epoch


class Draw(NamedTuple):
    """One occurrence of an example in an epoch; draw_index = example index + copy * number of examples."""

    epoch: int
    draw_index: int


class ResumePosition(NamedTuple):
    """Position at which a run resumes: the first `batches_done` batches of `epoch` are done."""

    epoch: int
    batches_done: int


class LengthBucketSampler(Sampler[list[Draw]]):
    """Batches of examples with similar durations, in a new random order in each epoch.

    Every epoch has the same number of batches, so that the learning-rate schedule can count its steps. Over several
    ranks, batches of similar duration go to the ranks of one step, so that no rank waits long. Each rank gets the
    same number of batches; where they do not divide evenly, some batches are repeated.

    Args:
        durations_s: duration of each example.
        batch_size: examples in a batch.
        seed: seed of the order.
        batch_seconds: upper limit of padded audio in a batch (examples x the longest), which replaces batch_size;
            it needs integer weights and no curriculum.
        weights: how often each example is drawn in an epoch. Weight 2 draws copies 0 and 1; of examples with weight
            0.5 one half is drawn in one epoch and the other half in the next.
        difficulties: difficulty of each example; easy ones come first in the first `curriculum_epochs` epochs.
        curriculum_epochs: number of epochs that begin with easy examples.
        rank: index of this process.
        world_size: number of processes."""

    def __init__(
        self,
        durations_s: ArrayLike,
        batch_size: int,
        seed: int,
        batch_seconds: float | None = None,
        weights: ArrayLike | None = None,
        difficulties: ArrayLike | None = None,
        curriculum_epochs: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ):
        self.durations_s, self.batch_size, self.seed = np.asarray(durations_s), batch_size, seed
        self.batch_seconds = batch_seconds
        self.weights = np.ones(len(self.durations_s)) if weights is None else np.asarray(weights)
        self.difficulties = None if difficulties is None else np.asarray(difficulties)
        self.curriculum_epochs = curriculum_epochs
        self.rank, self.world_size = rank, world_size
        self.epoch, self.resume_position = 0, ResumePosition(0, 0)
        self.sampler = self  # Lightning calls set_epoch on this attribute

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def resume_at(self, position: ResumePosition) -> None:
        """Skips the batches that were done before the run was interrupted.

        The epoch is set here as well: Lightning sets it only after the loader workers have started."""
        self.epoch, self.resume_position = position.epoch, position

    def __len__(self) -> int:
        """Number of batches of a full epoch, for each rank."""
        indices = self._draw_indices(0)
        return -(-len(self._batch_ends(indices)) // self.world_size)

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch = self.epoch
        done = self.resume_position.batches_done if epoch == self.resume_position.epoch else 0
        rng = np.random.default_rng([self.seed, epoch])
        stages = self._stages(self._draw_indices(epoch), epoch)
        steps = [step for stage in stages for step in self._steps(stage, rng)]
        for step in steps[done:]:
            yield [Draw(epoch, index) for index in step[self.rank]]

    def _draw_indices(self, epoch: int) -> NDArray:
        """Draw indices of an epoch, sorted: the integer part of each weight as copies, its fraction in turns."""
        n, indices, rng = len(self.durations_s), [], np.random.default_rng([self.seed, ALL_EPOCHS])
        for weight in np.unique(self.weights):
            examples = np.flatnonzero(self.weights == weight)
            copies, rest = repetitions(weight, len(examples))
            indices += [examples + copy * n for copy in range(copies)]
            if rest:
                turn = (epoch * rest + np.arange(rest)) % len(examples)
                indices.append(rng.permutation(examples)[turn] + copies * n)
        return np.sort(np.concatenate(indices))

    def _stages(self, indices: NDArray, epoch: int) -> list[NDArray]:
        """Splits a curriculum's epoch into CURRICULUM_STAGES of whole steps, sorted by difficulty.

        Other epochs are one stage."""
        if self.difficulties is None or epoch >= self.curriculum_epochs:
            return [indices]
        order = indices[np.argsort(self.difficulties[indices % len(self.durations_s)], kind="stable")]
        size = -(-len(self) // CURRICULUM_STAGES) * self.batch_size * self.world_size
        return [order[i : i + size] for i in range(0, len(order), size)]

    def _steps(self, indices: NDArray, rng: np.random.Generator) -> list[list[list[int]]]:
        """Steps in random order; each holds one batch of draw indices for every rank."""
        jitter_width = DURATION_JITTER if self.batch_seconds is None else BATCH_SECONDS_JITTER
        jitter = rng.uniform(1 - jitter_width, 1 + jitter_width, len(indices))
        order = indices[np.argsort(self._durations_of(indices) * jitter, kind="stable")]
        batches = [batch.tolist() for batch in np.split(order, self._batch_ends(indices)[:-1])]
        batches += [batches[i % len(batches)] for i in range(-len(batches) % self.world_size)]
        steps = [batches[i : i + self.world_size] for i in range(0, len(batches), self.world_size)]
        return [steps[i] for i in rng.permutation(len(steps))]

    def _batch_ends(self, indices: NDArray) -> list[int]:
        """End positions of the batches among the draws, which are sorted by duration."""
        return batch_boundaries(np.sort(self._durations_of(indices)), self.batch_size, self.batch_seconds)

    def _durations_of(self, indices: NDArray) -> NDArray:
        return self.durations_s[indices % len(self.durations_s)]
