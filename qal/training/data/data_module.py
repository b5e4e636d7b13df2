"""The data module: rows of corpora become examples, and examples become batches of tensors."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from qal.cores import usable_cores
from qal.corpus.manifest import Corpus, Row
from qal.corpus.split import Split
from qal.engine.decoding import GREEDY, Tokenizer
from qal.errors import CorpusError
from qal.jobs.dataset_notes import MAX_LABEL_TOKENS
from qal.jobs.example_selection import is_usable
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import TrainCollator, ValidationCollator
from qal.training.data.buckets import Draw
from qal.training.data.examples import Batch, Example, Target
from qal.training.data.feature_cache import FeatureCache
from qal.training.data.sampling import make_sampler
from qal.training.data.targets import taught_text
from qal.training.loop.distributed import SINGLE_PROCESS, TrainingProcess

log = logging.getLogger("qal")
MAX_DEFAULT_WORKERS = 4


def make_examples(
    corpora: Sequence[Corpus], split: Split, config: TrainingConfig, tokenizer: Tokenizer
) -> list[Example]:
    """Makes the examples of one split from the usable rows of the corpora.

    Raises:
        CorpusError: no row is usable.
        LanguageError: the model does not know a language."""
    candidates = [example for corpus in corpora for example in _examples(corpus, split, config, tokenizer)]
    examples = [example for example in candidates if _label_tokens(example) < MAX_LABEL_TOKENS]
    too_long_to_decode = sum(len(example.text) > GREEDY.max_tokens for example in examples)
    _warn_of_long_texts(split, len(candidates) - len(examples), too_long_to_decode)
    if not examples:
        folders = ", ".join(str(corpus.folder) for corpus in corpora)
        limits = f"between {config.min_utterance_s} and {config.max_utterance_s} s"
        limits += f" and below {MAX_LABEL_TOKENS} tokens" if candidates else ""
        raise CorpusError(f"{folders}: no usable example in split '{split}' {limits}; import more speech")
    return examples


def _warn_of_long_texts(split: str, skipped: int, too_long_to_decode: int) -> None:
    if skipped:
        log.warning(
            "%s: %d examples have %d tokens or more and are skipped; split them", split, skipped, MAX_LABEL_TOKENS
        )
    if too_long_to_decode:
        log.warning(
            "%s: %d texts are longer than the %d tokens to which captions are decoded; split these examples",
            *(split, too_long_to_decode, GREEDY.max_tokens),
        )


def _label_tokens(example: Example) -> int:
    """Tokens of prompt and text, of the transcript or the translation, whichever is longer."""
    targets = [example, *([example.translation] if example.translation else [])]
    return max(len(target.prompt) + len(target.text) for target in targets)


def _examples(corpus: Corpus, split: Split, config: TrainingConfig, tokenizer: Tokenizer) -> Iterator[Example]:
    """Usable rows in the manifest's order, each with the text of the previous row by the same named speaker."""
    last_texts: dict[tuple[str, str], str] = {}
    for row in corpus.select(split):
        if is_usable(row, split, config):
            yield _example(corpus, row, last_texts.get((row.speaker, row.language), ""), config, tokenizer)
        if row.speaker:
            last_texts[row.speaker, row.language] = row.text


def _example(corpus: Corpus, row: Row, previous_text: str, config: TrainingConfig, tokenizer: Tokenizer) -> Example:
    language, options, translation = config.language or row.language, config.targets, None
    text, previous_text = (taught_text(t, language, options) for t in (row.text, previous_text))
    if row.translation and options.translate_share:
        prompt = tokenizer.prompt(language, "translate")
        translated = taught_text(row.translation, "en", options)
        translation = Target(tuple(prompt), tuple(tokenizer.encode(translated)), tokenizer.end)
    return Example(
        audio=corpus.audio_path(row),
        duration_s=row.duration_s,
        prompt=tuple(tokenizer.prompt(language)),
        text=tuple(tokenizer.encode(text)) if text else (),
        end=tokenizer.end,
        reference=row.text,
        language=language,
        translation=translation,
        previous_text=tuple(tokenizer.previous_text_ids(previous_text)) if options.previous_share else (),
        weight=config.corpus_weight(corpus.folder),
    )


class DrawDataset(Dataset):
    """Dataset that returns the draw itself: a collator makes the batch, because its examples share one context."""

    def __init__(self, n_examples: int):
        self.n_examples = n_examples

    def __len__(self) -> int:
        return self.n_examples

    def __getitem__(self, draw: Any) -> Any:
        return draw


class Collators(NamedTuple):
    """Functions that make batches; they must be picklable, because loader workers call them."""

    train: Callable[[list[Draw]], Any]
    validation: Callable[[list[int]], Batch]


class SpeechDataModule(pl.LightningDataModule):
    """Training batches at random contexts with augmentation; validation batches at the engine's context."""

    def __init__(
        self,
        train: Sequence[Example],
        validation: Sequence[Example],
        config: TrainingConfig,
        collators: Collators,
        process: TrainingProcess = SINGLE_PROCESS,
    ):
        super().__init__()
        self.train, self.validation, self.config, self.process = train, validation, config, process
        self.collators = collators
        self.sampler = make_sampler(train, config, process)

    def train_dataloader(self) -> DataLoader:
        workers = worker_count(self.config)
        return DataLoader(
            DrawDataset(len(self.train)),
            batch_sampler=self.sampler,
            collate_fn=self.collators.train,
            num_workers=workers,
            persistent_workers=workers > 0,  # so that their caches stay filled
        )

    def val_dataloader(self) -> DataLoader:
        order = sorted(range(len(self.validation)), key=lambda i: self.validation[i].duration_s)
        batches = list(_chunks(order, self.config.batch_size))
        if self.process.shards_validation:
            own_batches = batches[self.process.rank :: self.process.world_size]
            batches = own_batches or batches[:1]  # every rank needs a batch; repeated examples are counted once
        return DataLoader(
            DrawDataset(len(self.validation)), batch_sampler=batches, collate_fn=self.collators.validation
        )


def make_data_module(
    train: list[Example],
    validation: list[Example],
    config: TrainingConfig,
    n_mels: int,
    process: TrainingProcess = SINGLE_PROCESS,
) -> SpeechDataModule:
    """Makes the data module of fine-tuning. Audio is read when its batch is made.

    Args:
        train: training examples.
        validation: validation examples.
        config: the run's configuration.
        n_mels: mel bands of the model.
        process: rank and world size of this process."""
    cache = FeatureCache(config.cache_mb // (1 + worker_count(config)))  # each worker has a copy
    collators = Collators(
        TrainCollator(train, config, n_mels, cache), ValidationCollator(validation, config, n_mels, cache)
    )
    return SpeechDataModule(train, validation, config, collators, process)


def worker_count(config: TrainingConfig) -> int:
    """Number of loader workers: the configured one, or a default by cores.

    Distillation has its audio in memory and needs none. On two cores a worker would slow the model down."""
    if config.machine.workers is not None:
        return config.machine.workers
    cores = usable_cores()
    spare = (cores - 1) // config.machine.devices if cores > 2 and config.method != "distill" else 0
    return min(MAX_DEFAULT_WORKERS, spare)


def _chunks(order: Sequence[int], size: int) -> Iterator[list[int]]:
    for i in range(0, len(order), size):
        yield list(order[i : i + size])
