"""Rows of corpora -> examples -> batches of tensors."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from corpus.manifest import Corpus, Row
from corpus.split import Split
from engine.decoding import Tokenizer
from errors import CorpusError
from training.batches import Draw, TrainBatches, ValidationBatches
from training.buckets import make_buckets
from training.config import TrainingConfig
from training.devices import ALONE, Ranks
from training.examples import MAX_LABEL_TOKENS, Batch, Example

MAX_WORKERS = 4  # of those that are chosen for the user


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


class Draws(Dataset):
    """Hands draws through: a batch is made as a whole, because its context belongs to all its rows."""

    def __init__(self, n: int):
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, draw: Any) -> Any:
        return draw


class SpeechData(pl.LightningDataModule):
    """Training batches at random contexts with augmentation; validation batches at the engine's context."""

    def __init__(
        self,
        train: Sequence[Example],
        validation: Sequence[Example],
        config: TrainingConfig,
        makers: tuple[Callable[[list[Draw]], Any], Callable[[list[int]], Batch]],
        ranks: Ranks = ALONE,
    ):
        """makers: of training batches and of validation batches; they must be able to go to another process."""
        super().__init__()
        self.train, self.validation, self.config, self.ranks = train, validation, config, ranks
        self.train_batch, self.validation_batch = makers
        self.buckets = make_buckets([e.duration_s for e in train], config, ranks.rank, ranks.world)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(
            Draws(len(self.train)),
            batch_sampler=self.buckets,
            collate_fn=self.train_batch,
            num_workers=worker_count(self.config),
        )

    def val_dataloader(self) -> DataLoader:
        order = sorted(range(len(self.validation)), key=lambda i: self.validation[i].duration_s)
        batches = list(_chunks(order, self.config.batch_size))
        if self.ranks.shares_validation:
            batches = (
                batches[self.ranks.rank :: self.ranks.world] or batches[:1]
            )  # none may be without; a row counts once
        return DataLoader(Draws(len(self.validation)), batch_sampler=batches, collate_fn=self.validation_batch)


def speech_data(
    train: list[Example], validation: list[Example], config: TrainingConfig, n_mels: int, ranks: Ranks = ALONE
) -> SpeechData:
    """Data of fine-tuning: sounds are read when their batch is made."""
    makers = (TrainBatches(train, config, n_mels), ValidationBatches(validation, config, n_mels))
    return SpeechData(train, validation, config, makers, ranks)


def worker_count(config: TrainingConfig) -> int:
    """Distillation has its sounds in memory; on two cores a worker would take one from the model."""
    if config.machine.workers is not None:
        return config.machine.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    spare = (cores - 1) // config.machine.devices if cores > 2 and config.method != "distill" else 0
    return min(MAX_WORKERS, spare)


def _chunks(order: Sequence[int], size: int) -> Iterator[list[int]]:
    for i in range(0, len(order), size):
        yield list(order[i : i + size])
