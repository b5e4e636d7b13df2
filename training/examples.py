"""What the trainer is fed: utterances, batches of like length, and how a batch becomes tensors."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import Sampler

from audio.log_mel import padded_log_mel
from audio.samples import FRAMES_PER_SECOND, HOP, WINDOW_FRAMES, Samples
from augmentation.augmenter import Augmenter
from training.config import ContextOptions

IGNORED = -100  # labels that cost nothing
FRAME_STEP, TOKEN_STEP = 50, 8  # few different shapes: every new one costs time and memory in oneDNN
MAX_LABEL_TOKENS = 440  # the decoder has 448 positions


@dataclass(frozen=True)
class Example:
    """One training utterance: where it is, and prompt + text + end as token ids."""

    audio: Path
    duration_s: float
    prompt: tuple[int, ...]
    text: tuple[int, ...]
    end: int
    reference: str
    language: str


class Batch(NamedTuple):
    mel: Tensor  # (batch, n_mels, frames)
    inputs: Tensor  # (batch, tokens) what the decoder reads
    labels: Tensor  # (batch, tokens) what it should say next; IGNORED on prompt and padding
    examples: tuple[int, ...]  # their indices, for the validation's references


def label_rows(examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Inputs are prompt + text, labels text + end, shifted by one; padding is `end` in, IGNORED out."""
    sequences = [[*e.prompt, *e.text, e.end] for e in examples]
    width = token_width(max(map(len, sequences)) - 1)
    inputs = torch.full((len(sequences), width), examples[0].end)
    labels = torch.full((len(sequences), width), IGNORED)
    for i, (example, ids) in enumerate(zip(examples, sequences, strict=True)):
        spoken = len(example.prompt) - 1
        inputs[i, : len(ids) - 1] = torch.tensor(ids[:-1])
        labels[i, spoken : len(ids) - 1] = torch.tensor(ids[spoken + 1 :])
    return inputs, labels


def token_width(tokens: int) -> int:
    return min(math.ceil(tokens / TOKEN_STEP) * TOKEN_STEP, MAX_LABEL_TOKENS)


def random_context(longest_samples: int, options: ContextOptions, rng: np.random.Generator) -> int:
    """Even number of frames: the longest utterance + a random margin, or now and then 30 s."""
    if rng.random() < options.full_share:
        return WINDOW_FRAMES
    margin = rng.uniform(options.min_margin_s, options.max_margin_s)
    return even_frames(longest_samples, margin)


def even_frames(samples: int, margin_s: float) -> int:
    """Frames of the samples and the margin, rounded up to whole FRAME_STEPs."""
    frames = math.ceil(samples / HOP + margin_s * FRAMES_PER_SECOND)
    return min(WINDOW_FRAMES, math.ceil(frames / FRAME_STEP) * FRAME_STEP)


class LengthBuckets(Sampler[list[int]]):
    """Batches of like duration, in an order drawn anew each epoch from (seed, epoch).

    set_epoch is called by Lightning; start_at skips batches that a stopped epoch has done already."""

    def __init__(self, durations_s: ArrayLike, batch_size: int, seed: int):
        self.durations_s, self.batch_size, self.seed = np.asarray(durations_s), batch_size, seed
        self.epoch, self.start_at = 0, 0
        self.sampler = self  # where Lightning looks for set_epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.durations_s) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        jitter = rng.uniform(0.85, 1.15, len(self.durations_s))  # neighbours change from epoch to epoch
        order = np.argsort(self.durations_s * jitter, kind="stable")
        batches = [order[i : i + self.batch_size].tolist() for i in range(0, len(order), self.batch_size)]
        shuffled = [batches[i] for i in rng.permutation(len(batches))]
        start, self.start_at = self.start_at, 0
        yield from shuffled[start:]


def mel_batch(
    waveforms: Sequence[Samples],
    frames: int,
    n_mels: int,
    augmenter: Augmenter | None = None,
    rngs: Sequence[np.random.Generator] = (),
) -> Tensor:
    """Waveforms -> (batch, n_mels, frames); SpecAugment where an augmenter is given."""
    mels = [padded_log_mel(w, frames, n_mels) for w in waveforms]
    if augmenter:
        mels = [
            augmenter.mel(m, rng, min(len(w), frames * HOP)) for m, w, rng in zip(mels, waveforms, rngs, strict=True)
        ]
    return torch.from_numpy(np.stack(mels))
