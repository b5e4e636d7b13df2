"""Rows of corpora -> examples -> batches of tensors."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from qal.corpus.manifest import Corpus, Row
from qal.corpus.split import Split
from qal.engine.decoding import GREEDY, Tokenizer
from qal.errors import CorpusError
from qal.jobs.example_selection import usable
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import Draw, TrainBatches, ValidationBatches
from qal.training.data.examples import MAX_LABEL_TOKENS, Batch, Example, Target
from qal.training.data.feature_cache import FeatureCache
from qal.training.data.sampling import make_buckets
from qal.training.loop.distributed import ALONE, Ranks

log = logging.getLogger("qal")
MAX_WORKERS = 4  # of those that are chosen for the user


def make_examples(
    corpora: Sequence[Corpus], split: Split, config: TrainingConfig, tokenizer: Tokenizer
) -> list[Example]:
    """The usable rows of one split. Raises CorpusError when none is left, LanguageError for an unknown language."""
    found = [e for c in corpora for e in _examples(c, split, config, tokenizer)]
    examples = [e for e in found if _longest(e) < MAX_LABEL_TOKENS]
    _tell_long_texts(split, len(found) - len(examples), sum(len(e.text) > GREEDY.max_tokens for e in examples))
    if not examples:
        names = ", ".join(str(c.folder) for c in corpora)
        lasting = f"between {config.min_utterance_s} and {config.max_utterance_s} s"
        short = f" and below {MAX_LABEL_TOKENS} tokens" if found else ""
        raise CorpusError(f"{names}: no usable row in split '{split}' {lasting}{short}; import more speech")
    return examples


def _tell_long_texts(split: str, left_out: int, unwritten: int) -> None:
    if left_out:
        log.warning("%s: %d rows have %d tokens or more and are left out; cut them", split, left_out, MAX_LABEL_TOKENS)
    if unwritten:
        log.warning(
            "%s: %d texts are longer than the %d tokens that captions are decoded to; cut these rows",
            *(split, unwritten, GREEDY.max_tokens),
        )


def _longest(example: Example) -> int:
    """Tokens of prompt and text, be it a translation."""
    targets = [example, *([example.translated] if example.translated else [])]
    return max(len(t.prompt) + len(t.text) for t in targets)


def _examples(corpus: Corpus, split: Split, config: TrainingConfig, tokenizer: Tokenizer) -> Iterator[Example]:
    """Usable rows, each with the text of the row before by the same (named) speaker, in the manifest's order."""
    said: dict[tuple[str, str], str] = {}
    for row in corpus.select(split):
        if usable(row, split, config):
            yield _example(corpus, row, said.get((row.speaker, row.language), ""), config, tokenizer)
        if row.speaker:
            said[row.speaker, row.language] = row.text


def _example(corpus: Corpus, row: Row, before: str, config: TrainingConfig, tokenizer: Tokenizer) -> Example:
    language, options, translated = config.language or row.language, config.targets, None
    if row.translation and options.translate_share:
        prompt = tokenizer.prompt(language, "translate")
        translated = Target(tuple(prompt), tuple(tokenizer.encode(row.translation)), tokenizer.end)
    return Example(
        audio=corpus.audio_path(row),
        duration_s=row.duration_s,
        prompt=tuple(tokenizer.prompt(language)),
        text=tuple(tokenizer.encode(row.text)) if row.text else (),
        end=tokenizer.end,
        reference=row.text,
        language=language,
        translated=translated,
        previous=tuple(tokenizer.earlier(before)) if options.previous_share else (),
        weight=config.weight_of(corpus.folder),
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
        self.buckets = make_buckets(train, config, ranks)

    def train_dataloader(self) -> DataLoader:
        workers = worker_count(self.config)
        return DataLoader(
            Draws(len(self.train)),
            batch_sampler=self.buckets,
            collate_fn=self.train_batch,
            num_workers=workers,
            persistent_workers=workers > 0,  # their caches are worth keeping
        )

    def val_dataloader(self) -> DataLoader:
        order = sorted(range(len(self.validation)), key=lambda i: self.validation[i].duration_s)
        batches = list(_chunks(order, self.config.batch_size))
        if self.ranks.shares_validation:
            mine = batches[self.ranks.rank :: self.ranks.world]
            batches = mine or batches[:1]  # none may be without; a row counts once
        return DataLoader(Draws(len(self.validation)), batch_sampler=batches, collate_fn=self.validation_batch)


def speech_data(
    train: list[Example], validation: list[Example], config: TrainingConfig, n_mels: int, ranks: Ranks = ALONE
) -> SpeechData:
    """Data of fine-tuning: sounds are read when their batch is made."""
    cache = FeatureCache(config.cache_mb // (1 + worker_count(config)))  # each worker has a copy of its own
    makers = (TrainBatches(train, config, n_mels, cache), ValidationBatches(validation, config, n_mels, cache))
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
