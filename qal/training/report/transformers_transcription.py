"""Transcribes with Transformers' form of a model, for the conversion check."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import torch

from qal.audio.samples import Samples
from qal.engine.context import context_frames
from qal.engine.decoding import Tokenizer
from qal.engine.model_directory import ContextAbility
from qal.training.data.examples import mel_batch
from qal.training.model.short_context import greedy, load_whisper


class Spoken(Protocol):
    @property
    def samples(self) -> Samples: ...
    @property
    def language(self) -> str: ...


def transcribe_with_transformers(
    weights: Path, spoken: Sequence[Spoken], ability: ContextAbility, progress: Callable[[int, int], None]
) -> list[str]:
    """Greedy texts in float32, one utterance at a time, at the context the engine would use."""
    model, tokenizer = load_whisper(weights).eval(), Tokenizer(weights)
    texts = []
    for i, one in enumerate(spoken):
        mel = mel_batch([one.samples], context_frames(len(one.samples), ability), model.config.num_mel_bins)
        prompt = torch.tensor([tokenizer.prompt(one.language)])
        texts.append(tokenizer.decode(greedy(model, mel, prompt)[0]))
        progress(i + 1, len(spoken))
    return texts
