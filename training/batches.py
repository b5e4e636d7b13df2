"""How the rows of a batch become tensors: in the training process or in workers, with the same result.

A maker can be sent to another process: it holds no trainer. Every draw comes from (seed, epoch, row)."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from audio.samples import Samples
from engine.context import context_frames
from errors import AudioDecodeError
from training.config import TrainingConfig
from training.examples import Augmenter, Batch, Example, label_rows, mel_batch, random_context
from training.sounds import BadRow, heard_or_bad

Draw = tuple[int, int]  # epoch, row


def row_rng(seed: int, epoch: int, row: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch, row % 2**32])


class TrainBatches:
    """Draws of one batch -> tensors, at a random context and augmented. A row that cannot be heard is left out."""

    def __init__(self, examples: Sequence[Example], config: TrainingConfig, n_mels: int):
        self.examples, self.config, self.n_mels = examples, config, n_mels
        self._augmenter = Augmenter(config.augmentation)

    def __call__(self, draws: list[Draw]) -> Batch:
        epoch, first = draws[0]
        rows, sounds, bad = self._heard([row for _, row in draws])
        rngs = [row_rng(self.config.seed, epoch, row) for row in rows]
        waveforms = [self._augmenter.waveform(s, rng) for s, rng in zip(sounds, rngs, strict=True)]
        context_rng = row_rng(self.config.seed, epoch, -1 - first)
        frames = random_context(max(map(len, waveforms)), self.config.context, context_rng)
        mel = mel_batch(waveforms, frames, self.n_mels, self._augmenter, rngs)
        return Batch(mel, *label_rows([self.examples[row] for row in rows]), tuple(rows), tuple(bad))

    def _heard(self, rows: list[int]) -> tuple[list[int], list[Samples], list[BadRow]]:
        """The rows that can be heard; where none of them can, the next one of the corpus that can."""
        kept, sounds, bad = [], [], []
        for row in self._with_substitutes(rows):
            if row not in rows and kept:
                break
            found = heard_or_bad(self.examples[row].audio, self.examples[row].duration_s)
            if isinstance(found, BadRow):
                bad.append(found)
            else:
                kept.append(row)
                sounds.append(found)
        if not kept:
            raise AudioDecodeError(f"no row of the corpus can be heard: {bad[0].reason}")
        return kept, sounds, bad

    def _with_substitutes(self, rows: list[int]) -> Iterator[int]:
        yield from rows
        n = len(self.examples)
        yield from ((rows[-1] + i) % n for i in range(1, n) if (rows[-1] + i) % n not in rows)


class ValidationBatches:
    """Rows of one batch -> tensors at the engine's context; a batch may turn out empty."""

    def __init__(self, examples: Sequence[Example], config: TrainingConfig, n_mels: int):
        self.examples, self.config, self.n_mels = examples, config, n_mels

    def __call__(self, rows: list[int]) -> Batch:
        found = {row: self.sound(row) for row in rows}
        bad = tuple(sound for sound in found.values() if isinstance(sound, BadRow))
        sounds = {row: sound for row, sound in found.items() if not isinstance(sound, BadRow)}
        return self._batch(sounds, bad)

    def sound(self, row: int) -> Samples | BadRow:
        return heard_or_bad(self.examples[row].audio, self.examples[row].duration_s)

    def _batch(self, sounds: dict[int, Samples], bad: tuple[BadRow, ...]) -> Batch:
        if not sounds:
            return empty_batch(self.n_mels, bad)
        frames = context_frames(max(map(len, sounds.values())), self.config.context.ability)
        mel = mel_batch(list(sounds.values()), frames, self.n_mels)
        return Batch(mel, *label_rows([self.examples[row] for row in sounds]), tuple(sounds), bad)


def empty_batch(n_mels: int, bad: tuple[BadRow, ...]) -> Batch:
    nothing = torch.zeros(0, 0, dtype=torch.long)
    return Batch(torch.zeros(0, n_mels, 0), nothing, nothing, (), bad)
