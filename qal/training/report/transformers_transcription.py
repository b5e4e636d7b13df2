"""Transcription with the Transformers version of a model, for the conversion check."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch
from peft import PeftModel

from qal.audio.samples import Samples
from qal.engine.context import context_frames
from qal.engine.decoding import Tokenizer
from qal.engine.model_directory import ContextAbility
from qal.evaluation.scoring import ProgressCallback
from qal.training.data.examples import mel_batch
from qal.training.model.short_context import greedy_decode, load_whisper


class SpokenUtterance(Protocol):
    """Samples of an utterance and their language."""

    @property
    def samples(self) -> Samples: ...
    @property
    def language(self) -> str: ...


def transcribe_with_transformers(
    weights: Path,
    utterances: Sequence[SpokenUtterance],
    ability: ContextAbility,
    progress: ProgressCallback,
    adapter: Path | None = None,
) -> list[str]:
    """Transcribes greedily in float32, one utterance at a time, at the context that the engine would use.

    Args:
        weights: folder of the model in Transformers' format.
        utterances: the utterances.
        ability: the contexts that the model was trained for.
        progress: called after each utterance.
        adapter: folder of a PEFT adapter, which is applied without merging it; None: none.

    Returns:
        the text of each utterance."""
    model, tokenizer = load_whisper(weights), Tokenizer(weights)
    if adapter:
        PeftModel.from_pretrained(model, str(adapter))  # changes the layers of the model in place
    model.eval()
    texts = []
    for i, utterance in enumerate(utterances):
        samples = utterance.samples  # decoded anew at each use
        frames = context_frames(len(samples), ability)
        mel = mel_batch([samples], frames, model.config.num_mel_bins)
        prompt = torch.tensor([tokenizer.prompt(utterance.language)])
        texts.append(tokenizer.decode(greedy_decode(model, mel, prompt)[0]))
        progress(i + 1, len(utterances))
    return texts
