"""What the trainer is fed: utterances as targets, labels as tensors, and the context a batch is heard at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import FRAMES_PER_SECOND, HOP, WINDOW_FRAMES, Samples
from qal.jobs.options.data import ContextOptions
from qal.jobs.skipped_audio import BadRow

IGNORED = -100  # labels that cost nothing
FRAME_STEP, TOKEN_STEP = 50, 8  # few different shapes: every new one costs time and memory in oneDNN
MAX_LABEL_TOKENS = 440  # the decoder has 448 positions


@dataclass(frozen=True)
class Target:
    """What the decoder is taught: prompt (given) + text + end, as token ids."""

    prompt: tuple[int, ...]
    text: tuple[int, ...]
    end: int


@dataclass(frozen=True)
class Example(Target):
    """One training utterance: where it is, its transcript, and what else may be taught of it."""

    audio: Path
    duration_s: float
    reference: str
    language: str
    translated: Target | None = None
    previous: tuple[int, ...] = ()  # <|startofprev|> and the speaker's text from before
    weight: float = 1.0  # how often it comes in an epoch


class Batch(NamedTuple):
    mel: Tensor  # (batch, n_mels, frames)
    inputs: Tensor  # (batch, tokens) what the decoder reads
    labels: Tensor  # (batch, tokens) what it should say next; IGNORED on prompt and padding
    examples: tuple[int, ...]  # their indices, for the validation's references
    bad: tuple[BadRow, ...] = ()  # rows that were left out


def label_rows(examples: Sequence[Target]) -> tuple[Tensor, Tensor]:
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


def mel_batch(waveforms: Sequence[Samples], frames: int, n_mels: int) -> Tensor:
    """Waveforms -> (batch, n_mels, frames)."""
    return torch.from_numpy(np.stack([padded_log_mel(w, frames, n_mels) for w in waveforms]))
