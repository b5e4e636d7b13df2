"""Collators: they turn the examples of a batch into tensors, in the training process or in loader workers.

A collator can be pickled, because it holds no trainer. Every random choice depends on (seed, epoch, draw index) alone,
so workers and the training process give the same batches."""

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
from qal.jobs.skipped_audio import UnusableAudio, load_audio, unusable_audio
from qal.training.data.buckets import Draw
from qal.training.data.examples import Batch, Example, Target, make_labels, random_context
from qal.training.data.feature_cache import FeatureCache, fit_to_context, speech_mel, speech_samples
from qal.training.data.targets import SpeechSpan, draw_target, scale_span, speech_span

TARGET_STREAM = 1  # random stream of the targets, so that their options do not change the augmentation


def draw_rng(seed: int, epoch: int, draw_index: int, *stream: int) -> np.random.Generator:
    """Returns the random generator of one draw; `stream` separates independent choices."""
    return np.random.default_rng([seed, epoch, draw_index % 2**32, *stream])


@dataclass(frozen=True)
class AugmentedAudio:
    """Audio of one draw after augmentation, before its batch has a context."""

    draw_index: int
    n_samples: int
    duration_ratio: float  # augmented / original duration; above 1 the speech is slower
    mel: Callable[[int], LogMel]  # frames of the context -> masked features


class TrainCollator:
    """Turns the draws of one batch into tensors, augmented and at a random context.

    Examples whose audio cannot be used are left out and listed in the batch."""

    def __init__(self, examples: Sequence[Example], config: TrainingConfig, n_mels: int, cache: FeatureCache):
        self.examples, self.config, self.n_mels, self._cache = examples, config, n_mels, cache
        self._augmenter = Augmenter(config.augmentation, [e.audio for e in examples])

    def __call__(self, draws: list[Draw]) -> Batch:
        epoch, first_index = draws[0]
        audios, bad_rows = self._load(epoch, [draw.draw_index for draw in draws])
        context_rng = draw_rng(self.config.seed, epoch, -1 - first_index)
        frames = random_context(max(audio.n_samples for audio in audios), self.config.context, context_rng)
        mel = torch.from_numpy(np.stack([audio.mel(frames) for audio in audios]))
        targets = [self._target(epoch, audio) for audio in audios]
        example_indices = tuple(self._example_index(audio.draw_index) for audio in audios)
        return Batch(mel, *make_labels(targets), example_indices, tuple(bad_rows))

    def _example_index(self, draw_index: int) -> int:
        return draw_index % len(self.examples)

    def _load(self, epoch: int, draw_indices: list[int]) -> tuple[list[AugmentedAudio], list[UnusableAudio]]:
        """Loads the draws. Where the audio of none of them can be used, the next usable example replaces them."""
        audios, bad_rows = [], []
        for index in self._with_substitutes(draw_indices):
            if index not in draw_indices and audios:
                break
            try:
                audios.append(self.load_augmented(Draw(epoch, index)))
            except AudioDecodeError as error:
                bad_rows.append(unusable_audio(self.examples[self._example_index(index)].audio, error))
        if not audios:
            raise AudioDecodeError(f"the audio of no training example can be used; the first: {bad_rows[0].reason}")
        return audios, bad_rows

    def _with_substitutes(self, draw_indices: list[int]) -> Iterator[int]:
        yield from draw_indices
        drawn, n = {self._example_index(index) for index in draw_indices}, len(self.examples)
        following = ((draw_indices[-1] + i) % n for i in range(1, n))
        yield from (index for index in following if index not in drawn)

    def load_augmented(self, draw: Draw) -> AugmentedAudio:
        """Loads and augments the audio of a draw; without waveform augmentation the features come from the cache."""
        example = self.examples[self._example_index(draw.draw_index)]
        rng = draw_rng(self.config.seed, draw.epoch, draw.draw_index)
        if not self._augmenter.alters_waveform:
            mel = self._cache.get(("mel", example.audio), lambda: speech_mel(self._samples(example), self.n_mels))
            n_samples = speech_samples(mel)
            return AugmentedAudio(
                draw.draw_index,
                n_samples,
                1.0,
                lambda frames: self._augmenter.mask_log_mel(fit_to_context(mel, frames), rng, n_samples),
            )
        samples = self._cache.get(("sound", example.audio), lambda: self._samples(example))
        augmented = self._augmenter.augment_waveform(samples, rng)

        def masked_mel(frames: int) -> LogMel:
            return self._augmenter.mask_log_mel(padded_log_mel(augmented, frames, self.n_mels), rng, len(augmented))

        return AugmentedAudio(draw.draw_index, len(augmented), len(augmented) / len(samples), masked_mel)

    def _samples(self, example: Example) -> Samples:
        return load_audio(example.audio, example.duration_s)

    def _target(self, epoch: int, audio: AugmentedAudio) -> Target:
        example = self.examples[self._example_index(audio.draw_index)]
        rng = draw_rng(self.config.seed, epoch, audio.draw_index, TARGET_STREAM)
        return draw_target(
            example, self.config.targets, rng, lambda: scale_span(self._span(example), audio.duration_ratio)
        )

    def _span(self, example: Example) -> SpeechSpan:
        if self.config.targets.timestamps_of == "utterance":
            return SpeechSpan(0.0, example.duration_s)
        span = self._cache.get(("span", example.audio), lambda: np.array(speech_span(self._samples(example))))
        return SpeechSpan(float(span[0]), float(span[1]))


class ValidationCollator:
    """Turns the examples of one batch into tensors, without augmentation and at the engine's context.

    The result is the same in every epoch. A batch is empty where the audio of none of its examples can be used."""

    def __init__(self, examples: Sequence[Example], config: TrainingConfig, n_mels: int, cache: FeatureCache):
        self.examples, self.config, self.n_mels, self._cache = examples, config, n_mels, cache

    def __call__(self, example_indices: list[int]) -> Batch:
        mels, bad_rows = {}, []
        for index in example_indices:
            try:
                mels[index] = self._cache.get(("validation", index), lambda index=index: self._mel(index))
            except AudioDecodeError as error:
                bad_rows.append(unusable_audio(self.examples[index].audio, error))
        return self._batch(mels, tuple(bad_rows))

    def load_samples(self, example_index: int) -> Samples:
        """Loads the audio of an example. Raises AudioDecodeError where it cannot be used."""
        return load_audio(self.examples[example_index].audio, self.examples[example_index].duration_s)

    def _mel(self, example_index: int) -> LogMel:
        return speech_mel(self.load_samples(example_index), self.n_mels)

    def _batch(self, mels: dict[int, LogMel], bad_rows: tuple[UnusableAudio, ...]) -> Batch:
        if not mels:
            return empty_batch(self.n_mels, bad_rows)
        frames = context_frames(max(map(speech_samples, mels.values())), self.config.context.ability)
        mel = torch.from_numpy(np.stack([fit_to_context(m, frames) for m in mels.values()]))
        return Batch(mel, *make_labels([self.examples[index] for index in mels]), tuple(mels), bad_rows)


def empty_batch(n_mels: int, bad_rows: tuple[UnusableAudio, ...]) -> Batch:
    """Returns a batch without examples, which still lists the bad rows."""
    no_tokens = torch.zeros(0, 0, dtype=torch.long)
    return Batch(torch.zeros(0, n_mels, 0), no_tokens, no_tokens, (), bad_rows)
