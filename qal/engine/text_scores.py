"""Scores of given texts: how likely a model finds each token of a text, given the audio and the tokens before it."""

from collections.abc import Sequence
from dataclasses import dataclass

import ctranslate2
import numpy as np

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP
from qal.engine.context import context_frames
from qal.engine.decoding import GREEDY
from qal.engine.engine import MIN_ALIGNED_FRAMES, Engine, Utterance

LOWEST_PROBABILITY = 1e-6
MAX_SCORED_TOKENS = 220  # of a text; the decoder's positions end at 448


@dataclass(frozen=True)
class TextScore:
    """A given text against the audio, and the text that the model itself recognises."""

    text_logprobs: tuple[float, ...]  # natural log-probability of each token of the text; () if it is empty
    heard: str
    heard_logprobs: tuple[float, ...]
    languages: dict[str, float]  # probability by language; {} for an English-only model


def score_texts(engine: Engine, utterances: Sequence[Utterance], texts: Sequence[str]) -> list[TextScore]:
    """Scores a text for each utterance. All are encoded once, and each must state its language.

    Args:
        engine: the model.
        utterances: speech of one language and task, at most 30 s each.
        texts: what is said in them according to the corpus."""
    if not utterances:
        return []
    model, tokenizer = engine.model, engine.tokenizer
    frames = context_frames(max(len(u.samples) for u in utterances), engine.ability)
    mel = np.stack([padded_log_mel(u.samples, frames, engine.n_mels) for u in utterances])
    encoded = model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(mel)))
    prompt = tokenizer.prompt(utterances[0].language or "en", utterances[0].task)
    results = model.generate(encoded, [prompt] * len(utterances), beam_size=1, max_length=2 * GREEDY.max_tokens)
    heard = [[token for token in result.sequences_ids[0] if token < tokenizer.end] for result in results]
    speech_frames = [max(MIN_ALIGNED_FRAMES, min(frames, len(u.samples) // HOP)) for u in utterances]
    languages = model.detect_language(encoded) if tokenizer.multilingual else [[] for _ in utterances]

    def logprobs(token_ids: Sequence[list[int]]) -> list[tuple[float, ...]]:
        aligned = model.align(encoded, prompt[:-1], [ids or [tokenizer.end] for ids in token_ids], speech_frames)
        return [
            tuple(float(np.log(max(p, LOWEST_PROBABILITY))) for p in found.text_token_probs) if ids else ()
            for ids, found in zip(token_ids, aligned, strict=True)
        ]

    given = logprobs([tokenizer.encode(text)[:MAX_SCORED_TOKENS] for text in texts])
    recognised = logprobs(heard)
    return [
        TextScore(g, tokenizer.decode(ids), h, {token.strip("<|>"): p for token, p in ranking})
        for g, ids, h, ranking in zip(given, heard, recognised, languages, strict=True)
    ]
