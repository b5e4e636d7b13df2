"""How the rows of a batch become tensors: in the training process or in workers, with the same result.

A maker can be sent to another process: it holds no trainer. Every random choice comes from (seed, epoch, draw)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from augmentation.augmenter import Augmenter
from qal.audio.log_mel import LogMel, padded_log_mel
from qal.audio.samples import Samples
from qal.engine.context import context_frames
from qal.errors import AudioDecodeError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.skipped_audio import BadRow, heard
from qal.training.data.buckets import Draw
from qal.training.data.examples import Batch, Example, Target, label_rows, random_context
from qal.training.data.feature_cache import FeatureCache, lengthened, speech_mel, speech_samples
from qal.training.data.targets import Span, drawn_target, scaled, speech_span

TARGETS = 1  # the targets' choices are their own: a new share of them alters no sound


def draw_rng(seed: int, epoch: int, draw: int, *kind: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch, draw % 2**32, *kind])


@dataclass(frozen=True)
class Heard:
    """One draw's sound on its way into a batch."""

    draw: int
    samples: int
    stretch: float  # of its time; above 1 it was made slower
    mel: Callable[[int], LogMel]  # at a context of so many frames, with its masks


class TrainBatches:
    """Draws of one batch -> tensors, at a random context and augmented. A row that cannot be heard is left out."""

    def __init__(self, examples: Sequence[Example], config: TrainingConfig, n_mels: int, cache: FeatureCache):
        self.examples, self.config, self.n_mels, self._cache = examples, config, n_mels, cache
        self._augmenter = Augmenter(config.augmentation, [e.audio for e in examples])

    def __call__(self, draws: list[Draw]) -> Batch:
        epoch, first = draws[0]
        found, bad = self._heard(epoch, [draw for _, draw in draws])
        context_rng = draw_rng(self.config.seed, epoch, -1 - first)
        frames = random_context(max(h.samples for h in found), self.config.context, context_rng)
        mel = torch.from_numpy(np.stack([h.mel(frames) for h in found]))
        targets = [self._target(epoch, h) for h in found]
        return Batch(mel, *label_rows(targets), tuple(self._row(h.draw) for h in found), tuple(bad))

    def _row(self, draw: int) -> int:
        return draw % len(self.examples)

    def _heard(self, epoch: int, draws: list[int]) -> tuple[list[Heard], list[BadRow]]:
        """The draws that can be heard; where none of them can, the next row of the corpus that can."""
        found, bad = [], []
        for draw in self._with_substitutes(draws):
            if draw not in draws and found:
                break
            try:
                found.append(self._hear(epoch, draw))
            except AudioDecodeError as error:
                bad.append(BadRow(str(self.examples[self._row(draw)].audio), str(error)))
        if not found:
            raise AudioDecodeError(f"no row of the corpus can be heard: {bad[0].reason}")
        return found, bad

    def _with_substitutes(self, draws: list[int]) -> Iterator[int]:
        yield from draws
        rows, n = {self._row(draw) for draw in draws}, len(self.examples)
        yield from (row for row in ((draws[-1] + i) % n for i in range(1, n)) if row not in rows)

    def _hear(self, epoch: int, draw: int) -> Heard:
        """Altered sound; where no sound is altered, features that are kept from epoch to epoch."""
        example, rng = self.examples[self._row(draw)], draw_rng(self.config.seed, epoch, draw)
        if not self._augmenter.alters_sound:
            mel = self._cache.get(("mel", example.audio), lambda: speech_mel(self._sound(example), self.n_mels))
            samples = speech_samples(mel)
            return Heard(draw, samples, 1.0, lambda n: self._augmenter.mel(lengthened(mel, n), rng, samples))
        sound = self._cache.get(("sound", example.audio), lambda: self._sound(example))
        altered = self._augmenter.waveform(sound, rng)

        def masked(frames: int) -> LogMel:
            return self._augmenter.mel(padded_log_mel(altered, frames, self.n_mels), rng, len(altered))

        return Heard(draw, len(altered), len(altered) / len(sound), masked)

    def _sound(self, example: Example) -> Samples:
        return heard(example.audio, example.duration_s)

    def _target(self, epoch: int, found: Heard) -> Target:
        example = self.examples[self._row(found.draw)]
        rng = draw_rng(self.config.seed, epoch, found.draw, TARGETS)
        return drawn_target(example, self.config.targets, rng, lambda: scaled(self._span(example), found.stretch))

    def _span(self, example: Example) -> Span:
        if self.config.targets.timestamps_of == "utterance":
            return 0.0, example.duration_s
        start, end = self._cache.get(("span", example.audio), lambda: np.array(speech_span(self._sound(example))))
        return float(start), float(end)


class ValidationBatches:
    """Rows of one batch -> tensors at the engine's context, the same in every epoch; a batch may turn out empty."""

    def __init__(self, examples: Sequence[Example], config: TrainingConfig, n_mels: int, cache: FeatureCache):
        self.examples, self.config, self.n_mels, self._cache = examples, config, n_mels, cache

    def __call__(self, rows: list[int]) -> Batch:
        found, bad = {}, []
        for row in rows:
            try:
                found[row] = self._cache.get(("validation", row), lambda row=row: self._mel(row))
            except AudioDecodeError as error:
                bad.append(BadRow(str(self.examples[row].audio), str(error)))
        return self._batch(found, tuple(bad))

    def sound(self, row: int) -> Samples:
        return heard(self.examples[row].audio, self.examples[row].duration_s)

    def _mel(self, row: int) -> LogMel:
        return speech_mel(self.sound(row), self.n_mels)

    def _batch(self, mels: dict[int, LogMel], bad: tuple[BadRow, ...]) -> Batch:
        if not mels:
            return empty_batch(self.n_mels, bad)
        frames = context_frames(max(map(speech_samples, mels.values())), self.config.context.ability)
        mel = torch.from_numpy(np.stack([lengthened(m, frames) for m in mels.values()]))
        return Batch(mel, *label_rows([self.examples[row] for row in mels]), tuple(mels), bad)


def empty_batch(n_mels: int, bad: tuple[BadRow, ...]) -> Batch:
    nothing = torch.zeros(0, 0, dtype=torch.long)
    return Batch(torch.zeros(0, n_mels, 0), nothing, nothing, (), bad)
