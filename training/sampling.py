"""Which row comes when: batches of like length, corpora by weight, easy rows first. All from (seed, epoch)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch.utils.data import Sampler

from audio.decode import decode
from audio.samples import HOP, Samples
from text.normalisation import normalise
from training.config import CurriculumOptions
from training.examples import Example

STAGES = 4  # of a curriculum's epoch, from easy to hard; within one, the order is drawn
LOUD, QUIET = 95, 10  # percentiles of the frames' energy: speech, and what is there when nobody speaks
MAX_SNR_DB = 100.0


class LengthBuckets(Sampler[list[int]]):
    """Batches of like duration, in an order drawn anew each epoch from (seed, epoch).

    A draw is row + copy * rows: a row of weight 2 comes as copies 0 and 1; of the rows of weight 0.5 half come,
    others in each epoch. set_epoch is called by Lightning; start_at skips batches that a stopped epoch has done."""

    def __init__(
        self,
        durations_s: ArrayLike,
        batch_size: int,
        seed: int,
        weights: ArrayLike | None = None,
        hardness: ArrayLike | None = None,
        curriculum_epochs: int = 0,
    ):
        self.durations_s, self.batch_size, self.seed = np.asarray(durations_s), batch_size, seed
        self.weights = np.ones(len(self.durations_s)) if weights is None else np.asarray(weights)
        self.hardness, self.curriculum_epochs = None if hardness is None else np.asarray(hardness), curriculum_epochs
        self.epoch, self.start_at = 0, 0
        self.sampler = self  # where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-sum(whole * len(rows) + rest for whole, rest, rows in self._by_weight()) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        draws = self._draws(rng)
        batches = [batch for stage in self._stages(draws) for batch in self._bucketed(stage, rng)]
        start, self.start_at = self.start_at, 0
        yield from batches[start:]

    def row(self, draw: int) -> int:
        return draw % len(self.durations_s)

    def _by_weight(self) -> list[tuple[int, int, NDArray]]:
        """(whole copies, how many rows come once more, rows) of each weight."""
        groups = []
        for weight in np.unique(self.weights):
            rows, whole = np.flatnonzero(self.weights == weight), int(weight)
            rest = round((weight - whole) * len(rows))
            groups.append((whole, rest if whole else max(1, rest), rows))
        return groups

    def _draws(self, rng: np.random.Generator) -> NDArray:
        n, parts = len(self.durations_s), []
        for whole, rest, rows in self._by_weight():
            parts += [rows + copy * n for copy in range(whole)]
            parts += [rng.permutation(rows)[:rest] + whole * n] if rest else []
        return np.sort(np.concatenate(parts))

    def _stages(self, draws: NDArray) -> list[NDArray]:
        """One; in the epochs of a curriculum STAGES of whole batches, each as hard as the one before or harder."""
        if self.hardness is None or self.epoch >= self.curriculum_epochs:
            return [draws]
        order = draws[np.argsort(self.hardness[draws % len(self.durations_s)], kind="stable")]
        size = -(-len(self) // STAGES) * self.batch_size
        return [order[i : i + size] for i in range(0, len(order), size)]

    def _bucketed(self, draws: NDArray, rng: np.random.Generator) -> list[list[int]]:
        durations_s = self.durations_s[draws % len(self.durations_s)]
        jitter = rng.uniform(0.85, 1.15, len(draws))  # neighbours change from epoch to epoch
        order = draws[np.argsort(durations_s * jitter, kind="stable")]
        batches = [order[i : i + self.batch_size].tolist() for i in range(0, len(order), self.batch_size)]
        return [batches[i] for i in rng.permutation(len(batches))]


def buckets_of(examples: Sequence[Example], batch_size: int, seed: int, curriculum: CurriculumOptions) -> LengthBuckets:
    hardness = None if curriculum.by == "none" else [hardness_of(e, curriculum) for e in examples]
    durations_s, weights = [e.duration_s for e in examples], [e.weight for e in examples]
    return LengthBuckets(durations_s, batch_size, seed, weights, hardness, curriculum.epochs)


def hardness_of(example: Example, curriculum: CurriculumOptions) -> float:
    """Higher is harder."""
    if curriculum.by == "duration":
        return example.duration_s
    if curriculum.by == "text_length":
        return len(example.text)
    if curriculum.by == "words_per_second":
        return len(normalise(example.reference).split()) / max(example.duration_s, 0.1)
    return -signal_to_noise_db(decode(example.audio))


def signal_to_noise_db(samples: Samples) -> float:
    """The loud frames' energy over the quiet ones': an estimate that needs no reference."""
    frames = np.square(samples[: len(samples) // HOP * HOP], dtype=np.float64).reshape(-1, HOP).mean(1)
    if not len(frames):
        return 0.0
    quiet, loud = np.percentile(frames, [QUIET, LOUD])
    return min(MAX_SNR_DB, 10 * np.log10(max(loud, 1e-12) / max(quiet, 1e-12)))
