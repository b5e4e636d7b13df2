"""Rows of corpora -> examples -> batches of tensors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from audio.decode import decode
from audio.log_mel import LogMel, padded_log_mel
from audio.samples import Samples
from augmentation.augmenter import Augmenter
from corpus.manifest import Corpus, Row
from corpus.split import Split
from engine.context import context_frames
from engine.decoding import Tokenizer
from errors import CorpusError
from training.config import TrainingConfig
from training.examples import MAX_LABEL_TOKENS, Batch, Example, Target, label_rows, random_context
from training.feature_cache import FeatureCache, lengthened, speech_mel, speech_samples
from training.sampling import buckets_of
from training.targets import Span, drawn_target, scaled, speech_span

TARGETS = 1  # the targets' draws are their own: a new share of them alters no sound


def make_examples(
    corpora: Sequence[Corpus], split: Split, config: TrainingConfig, tokenizer: Tokenizer
) -> list[Example]:
    """The usable rows of one split. Raises CorpusError when none is left, LanguageError for an unknown language."""
    found = [e for c in corpora for e in _examples(c, split, config, tokenizer)]
    examples = [e for e in found if _longest(e) < MAX_LABEL_TOKENS]
    if not examples:
        names = ", ".join(str(c.folder) for c in corpora)
        raise CorpusError(
            f"{names}: no usable row in split '{split}' between {config.min_utterance_s} and "
            f"{config.max_utterance_s} s; import more speech"
        )
    return examples


def _longest(example: Example) -> int:
    """Tokens of prompt and text, be it a translation."""
    targets = [example, *([example.translated] if example.translated else [])]
    return max(len(t.prompt) + len(t.text) for t in targets)


def _examples(corpus: Corpus, split: Split, config: TrainingConfig, tokenizer: Tokenizer) -> Iterator[Example]:
    """Usable rows, each with the text of the row before by the same speaker, in the manifest's order."""
    said: dict[tuple[str, str], str] = {}
    for row in corpus.select(split):
        if _usable(row, split, config):
            yield _example(corpus, row, said.get((row.speaker, row.language), ""), config, tokenizer)
        said[row.speaker, row.language] = row.text


def _usable(row: Row, split: Split, config: TrainingConfig) -> bool:
    """Distillation needs no text, and a row of training may have a translation alone."""
    long_enough = config.min_utterance_s <= row.duration_s <= config.max_utterance_s
    translates = split == "train" and config.targets.translate_share > 0
    return long_enough and bool(row.text or config.method == "distill" or (translates and row.translation))


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
        self.buckets = buckets_of(train, config.batch_size, config.seed, config.curriculum)
        self._augmenter = Augmenter(config.augmentation, [e.audio for e in train])
        self._cache = FeatureCache(config.cache_mb)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(Indices(len(self.train)), batch_sampler=self.buckets, collate_fn=self.train_batch)

    def val_dataloader(self) -> DataLoader:
        order = sorted(range(len(self.validation)), key=lambda i: self.validation[i].duration_s)
        batches = list(_chunks(order, self.config.batch_size))
        return DataLoader(Indices(len(self.validation)), batch_sampler=batches, collate_fn=self.validation_batch)

    def train_batch(self, draws: list[int]) -> Batch:
        """Of the sampler's draws; each draws its sound, its masks and its target from (seed, epoch, draw)."""
        rows = [self.buckets.row(draw) for draw in draws]
        rngs = [self.rng(self.buckets.epoch, draw) for draw in draws]
        heard = [self._heard(self.train[row], rng) for row, rng in zip(rows, rngs, strict=True)]
        context_rng = self.rng(self.buckets.epoch, -1 - draws[0])
        frames = random_context(max(h.samples for h in heard), self.config.context, context_rng)
        mels = [self._augmenter.mel(h.mel(frames), r, h.samples) for h, r in zip(heard, rngs, strict=True)]
        drawn = zip(rows, draws, heard, strict=True)
        targets = [self._target(self.train[row], draw, h.stretch) for row, draw, h in drawn]
        return Batch(torch.from_numpy(np.stack(mels)), *label_rows(targets), tuple(rows))

    def _heard(self, example: Example, rng: np.random.Generator) -> "Heard":
        """Altered sound; where no sound is altered, features that are kept from epoch to epoch."""
        if not self._augmenter.alters_sound:
            mel = self._cache.get(("mel", example.audio), lambda: speech_mel(decode(example.audio), self.n_mels))
            return Heard(speech_samples(mel), 1.0, lambda frames: lengthened(mel, frames))
        sound = self._cache.get(("sound", example.audio), lambda: decode(example.audio))
        altered = self._augmenter.waveform(sound, rng)
        stretch = len(altered) / max(1, len(sound))
        return Heard(len(altered), stretch, lambda frames: padded_log_mel(altered, frames, self.n_mels))

    def _target(self, example: Example, draw: int, stretch: float) -> Target:
        rng = np.random.default_rng([self.config.seed, self.buckets.epoch, draw % 2**32, TARGETS])
        return drawn_target(example, self.config.targets, rng, lambda: scaled(self._span(example), stretch))

    def _span(self, example: Example) -> Span:
        if self.config.targets.timestamps_of == "utterance":
            return 0.0, example.duration_s
        start, end = self._cache.get(("span", example.audio), lambda: np.array(speech_span(decode(example.audio))))
        return float(start), float(end)

    def validation_batch(self, indices: list[int]) -> Batch:
        """The same in every epoch, so its features are kept."""
        mel = self._cache.get(("validation", *indices), lambda: self._validation_mel(indices))
        examples = [self.validation[i] for i in indices]
        return Batch(torch.from_numpy(mel.copy()), *label_rows(examples), tuple(indices))

    def _validation_mel(self, indices: list[int]) -> NDArray[np.float32]:
        waveforms = [self.validation_sound(i) for i in indices]
        frames = context_frames(max(map(len, waveforms)), self.config.context.ability)
        return np.stack([padded_log_mel(w, frames, self.n_mels) for w in waveforms])

    def validation_sound(self, index: int) -> Samples:
        return decode(self.validation[index].audio)

    def rng(self, epoch: int, row: int) -> np.random.Generator:
        return np.random.default_rng([self.config.seed, epoch, row % 2**32])


@dataclass(frozen=True)
class Heard:
    """One row's sound on its way into a batch."""

    samples: int
    stretch: float  # of its time; above 1 it was made slower
    mel: Callable[[int], LogMel]  # at a context of so many frames


def _chunks(order: Sequence[int], size: int) -> Iterator[list[int]]:
    for i in range(0, len(order), size):
        yield list(order[i : i + size])
