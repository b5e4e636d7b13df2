"""Finds the cross-attention heads that follow the audio, from which the times of words are computed.

A fine-tuned model keeps the heads that were chosen on the stock weights, and its word times drift. Here each head is
judged by how much of its attention lies on the speech of the piece that is being written, in recordings whose times are
known; OpenAI chose the heads of the stock models in a like way."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from transformers import WhisperForConditionalGeneration

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import WINDOW_FRAMES
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Engine
from qal.engine.words import SECONDS_PER_POSITION
from qal.export.gate.word_times import (
    Head,
    JoinedRecording,
    TimeErrors,
    errors_with_heads,
    mean_rise,
    read_heads,
)

HEADS = 6  # of the best ones; the stock models have 6 to 10
TOLERANCE_S = 0.1  # attention just before and after the speech of a piece counts


class HeadChoice(NamedTuple):
    """Old and new alignment heads with their errors of word times."""

    old: list[Head]
    new: list[Head]
    old_errors: TimeErrors
    new_errors: TimeErrors

    @property
    def is_better(self) -> bool:
        """True if the new heads place words better, and chance is no likely reason."""
        return mean_rise(self.new_errors, self.old_errors).high < 0

    @property
    def sentence(self) -> str:
        """Says which heads the model has now, with the word-time errors of both."""
        old, new = 1000 * self.old_errors.mean, 1000 * self.new_errors.mean
        if not self.is_better:
            return (
                f"The alignment heads are kept: words begin {old:.0f} ms from the true time, {new:.0f} ms with others."
            )
        return (
            f"Better alignment heads were written: words begin {new:.0f} ms from the true time instead of {old:.0f} ms."
        )


def find_alignment_heads(weights: Path, recordings: Sequence[JoinedRecording], count: int = HEADS) -> list[Head]:
    """Returns the heads whose attention follows the speech best, in order of layer and head.

    Args:
        weights: the model in Transformers format.
        recordings: recordings with known times.
        count: number of heads."""
    model = WhisperForConditionalGeneration.from_pretrained(
        weights, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    tokenizer = Tokenizer(weights)
    shares = np.mean([_attention_shares(model, tokenizer, recording) for recording in recordings], axis=0)
    best = np.argsort(-shares, axis=None)[:count]
    return sorted((int(i) // shares.shape[1], int(i) % shares.shape[1]) for i in best)


@torch.no_grad()
def _attention_shares(
    model: WhisperForConditionalGeneration, tokenizer: Tokenizer, recording: JoinedRecording
) -> np.ndarray:
    """Returns the share of each head's attention that lies on the right piece: (layers, heads)."""
    mel = torch.from_numpy(padded_log_mel(recording.samples, WINDOW_FRAMES, model.config.num_mel_bins)[None])
    prompt = tokenizer.prompt(recording.language)
    pieces = [tokenizer.encode(text) for text in recording.texts]
    ids = torch.tensor([[*prompt, *(token for piece in pieces for token in piece)]])
    out = model(input_features=mel, decoder_input_ids=ids, output_attentions=True)
    attention = torch.cat(out.cross_attentions).numpy()  # (layers, heads, tokens, positions)
    shares, row = [], len(prompt) - 1  # the row of a token is that of the token before it
    for piece, start_s, end_s in zip(pieces, recording.starts_s, recording.ends_s, strict=True):
        first = max(0, int((start_s - TOLERANCE_S) / SECONDS_PER_POSITION))
        last = int((end_s + TOLERANCE_S) / SECONDS_PER_POSITION) + 1
        shares.append(attention[:, :, row : row + len(piece), first:last].sum(-1).mean(-1))
        row += len(piece)
    return np.mean(shares, axis=0)


def choose_heads(weights: Path, engine: Engine, recordings: Sequence[JoinedRecording]) -> HeadChoice:
    """Finds heads on one half of the recordings and compares them with the present ones on the other half.

    Args:
        weights: the model in Transformers format.
        engine: the same model in CTranslate2's.
        recordings: at least two recordings with known times."""
    new, old, held_out = find_alignment_heads(weights, recordings[::2]), read_heads(engine.directory), recordings[1::2]
    return HeadChoice(
        old=old,
        new=new,
        old_errors=errors_with_heads(engine, old, held_out),
        new_errors=errors_with_heads(engine, new, held_out),
    )
