"""Training examples, their label tensors, and the audio context of a batch."""

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
from qal.jobs.dataset_notes import MAX_LABEL_TOKENS
from qal.jobs.options.data import ContextOptions
from qal.jobs.skipped_audio import UnusableAudio

IGNORED_LABEL = -100  # cross-entropy skips these positions
FRAME_MULTIPLE = 50  # contexts are rounded up to it: each new shape costs time and memory in oneDNN
TOKEN_MULTIPLE = 8  # label lengths are rounded up to it, for the same reason


@dataclass(frozen=True)
class Target:
    """Decoder target as token ids: the prompt is given, text and end are predicted."""

    prompt: tuple[int, ...]
    text: tuple[int, ...]
    end: int


@dataclass(frozen=True)
class Example(Target):
    """One training example: its audio file, its transcript, and the optional variants of its target."""

    audio: Path
    duration_s: float
    reference: str
    language: str
    translation: Target | None = None
    previous_text: tuple[int, ...] = ()  # <|startofprev|> and the same speaker's earlier text
    weight: float = 1.0  # how often the example is drawn in an epoch


class Batch(NamedTuple):
    """Tensors of one batch. Examples whose audio cannot be used are listed in `bad_rows` and have no entry."""

    mel: Tensor  # (batch, n_mels, frames)
    inputs: Tensor  # (batch, tokens) decoder input ids
    labels: Tensor  # (batch, tokens) next token ids; IGNORED_LABEL on prompt and padding
    example_indices: tuple[int, ...]
    bad_rows: tuple[UnusableAudio, ...] = ()


def make_labels(targets: Sequence[Target]) -> tuple[Tensor, Tensor]:
    """Returns decoder inputs (prompt + text) and labels (text + end), shifted by one position.

    Both have the shape (batch, tokens). Padding is the end token in inputs and IGNORED_LABEL in labels."""
    sequences = [[*target.prompt, *target.text, target.end] for target in targets]
    width = padded_token_count(max(map(len, sequences)) - 1)
    inputs = torch.full((len(sequences), width), targets[0].end)
    labels = torch.full((len(sequences), width), IGNORED_LABEL)
    for i, (target, ids) in enumerate(zip(targets, sequences, strict=True)):
        first_label = len(target.prompt) - 1
        inputs[i, : len(ids) - 1] = torch.tensor(ids[:-1])
        labels[i, first_label : len(ids) - 1] = torch.tensor(ids[first_label + 1 :])
    return inputs, labels


def padded_token_count(tokens: int) -> int:
    """Rounds a label length up to TOKEN_MULTIPLE, at most MAX_LABEL_TOKENS."""
    return min(math.ceil(tokens / TOKEN_MULTIPLE) * TOKEN_MULTIPLE, MAX_LABEL_TOKENS)


def random_context(longest_samples: int, options: ContextOptions, rng: np.random.Generator) -> int:
    """Draws a context in frames: the longest utterance plus a random margin, or 30 s for a share of the batches."""
    if rng.random() < options.full_share:
        return WINDOW_FRAMES
    margin_s = rng.uniform(options.min_margin_s, options.max_margin_s)
    return frames_with_margin(longest_samples, margin_s)


def frames_with_margin(samples: int, margin_s: float) -> int:
    """Frames of the samples and the margin, rounded up to FRAME_MULTIPLE, at most 30 s."""
    frames = math.ceil(samples / HOP + margin_s * FRAMES_PER_SECOND)
    return min(WINDOW_FRAMES, math.ceil(frames / FRAME_MULTIPLE) * FRAME_MULTIPLE)


def mel_batch(waveforms: Sequence[Samples], frames: int, n_mels: int) -> Tensor:
    """Computes the log-mel features of waveforms at 16 kHz, with the shape (batch, n_mels, frames)."""
    return torch.from_numpy(np.stack([padded_log_mel(w, frames, n_mels) for w in waveforms]))
