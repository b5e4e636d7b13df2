"""Rows of corpora -> examples -> batches of tensors."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from audio.decode import decode
from audio.samples import Samples
from augmentation.augmenter import Augmenter
from corpus.manifest import Corpus, Row
from corpus.split import Split
from engine.context import context_frames
from engine.decoding import Tokenizer
from errors import CorpusError
from training.config import TrainingConfig
from training.examples import (
    MAX_LABEL_TOKENS,
    Batch,
    Example,
    LengthBuckets,
    label_rows,
    mel_batch,
    random_context,
)


def make_examples(
    corpora: Sequence[Corpus], split: Split, config: TrainingConfig, tokenizer: Tokenizer
) -> list[Example]:
    """The usable rows of one split. Raises CorpusError when none is left, LanguageError for an unknown language."""
    rows = [(c, r) for c in corpora for r in c.select(split)]
    found = [_example(c, r, config, tokenizer) for c, r in rows if _usable(r, config)]
    examples = [e for e in found if len(e.text) + len(e.prompt) < MAX_LABEL_TOKENS]
    if not examples:
        names = ", ".join(str(c.folder) for c in corpora)
        raise CorpusError(
            f"{names}: no usable row in split '{split}' between {config.min_utterance_s} and "
            f"{config.max_utterance_s} s; import more speech"
        )
    return examples


def _usable(row: Row, config: TrainingConfig) -> bool:
    """Distillation needs no text."""
    long_enough = config.min_utterance_s <= row.duration_s <= config.max_utterance_s
    return long_enough and bool(row.text or config.method == "distill")


def _example(corpus: Corpus, row: Row, config: TrainingConfig, tokenizer: Tokenizer) -> Example:
    language = config.language or row.language
    return Example(
        audio=corpus.audio_path(row),
        duration_s=row.duration_s,
        prompt=tuple(tokenizer.prompt(language)),
        text=tuple(tokenizer.encode(row.text)),
        end=tokenizer.end,
        reference=row.text,
        language=language,
    )


class Indices(Dataset):
    """Hands indices through: a batch is made as a whole, because its context belongs to all its rows."""

    def __init__(self, n: int):
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> int:
        return index


class SpeechData(pl.LightningDataModule):
    """Training batches at random contexts with augmentation; validation batches at the engine's context."""

    def __init__(self, train: list[Example], validation: list[Example], config: TrainingConfig, n_mels: int):
        super().__init__()
        self.train, self.validation, self.config, self.n_mels = train, validation, config, n_mels
        self.buckets = LengthBuckets([e.duration_s for e in train], config.batch_size, config.seed)
        self._augmenter = Augmenter(config.augmentation, [e.audio for e in train])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Indices(len(self.train)), batch_sampler=self.buckets, collate_fn=self.train_batch)

    def val_dataloader(self) -> DataLoader:
        order = sorted(range(len(self.validation)), key=lambda i: self.validation[i].duration_s)
        batches = list(_chunks(order, self.config.batch_size))
        return DataLoader(Indices(len(self.validation)), batch_sampler=batches, collate_fn=self.validation_batch)

    def train_batch(self, indices: list[int]) -> Batch:
        examples = [self.train[i] for i in indices]
        rngs = [self.rng(self.buckets.epoch, i) for i in indices]
        waveforms = [self._augmenter.waveform(decode(e.audio), rng) for e, rng in zip(examples, rngs, strict=True)]
        frames = random_context(
            max(map(len, waveforms)), self.config.context, self.rng(self.buckets.epoch, -1 - indices[0])
        )
        mel = mel_batch(waveforms, frames, self.n_mels, self._augmenter, rngs)
        return Batch(mel, *label_rows(examples), tuple(indices))

    def validation_batch(self, indices: list[int]) -> Batch:
        examples = [self.validation[i] for i in indices]
        waveforms = [self.validation_sound(i) for i in indices]
        frames = context_frames(max(map(len, waveforms)), self.config.context.ability)
        return Batch(mel_batch(waveforms, frames, self.n_mels), *label_rows(examples), tuple(indices))

    def validation_sound(self, index: int) -> Samples:
        return decode(self.validation[index].audio)

    def rng(self, epoch: int, row: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, epoch, row % 2**32])


def _chunks(order: Sequence[int], size: int) -> Iterator[list[int]]:
    for i in range(0, len(order), size):
        yield list(order[i : i + size])
