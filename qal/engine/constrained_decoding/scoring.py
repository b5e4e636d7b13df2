"""Constrained decoding: each utterance is the most likely of a list of phrases.

CTranslate2 has no grammars. Instead each phrase is scored against the sound, as the probability of its tokens given the
sound and the tokens before them, which is exact for a list: no better phrase can be missed. Recognisers write capitals
and full stops, so that a phrase also counts as a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import ctranslate2
import numpy as np

from qal.engine.decoding import Tokenizer

ROWS = 16  # scored at once: each one needs its own copy of the encoded sound
LOWEST_PROBABILITY = 1e-6
ALIGNED_FRAMES = 2  # the alignment itself is not used


@dataclass(frozen=True)
class Choice:
    """The most likely phrase for an utterance."""

    phrase: str
    tokens: tuple[int, ...]
    avg_logprob: float  # mean natural-log probability of the tokens of its likeliest spelling
    no_speech_prob: float


@dataclass(frozen=True)
class Spelling:
    """A phrase as it is or as a sentence."""

    phrase: int  # its index
    tokens: tuple[int, ...]
    is_beginning: bool  # of another phrase, so that the probability that the text ends here counts


def choose_phrases(
    model: ctranslate2.models.Whisper,
    tokenizer: Tokenizer,
    encoded: ctranslate2.StorageView,
    prompts: Sequence[list[int]],
    phrases: Sequence[str],
) -> list[Choice]:
    """Returns the most likely phrase for each encoded utterance.

    Args:
        model: scores the tokens.
        tokenizer: of the model.
        encoded: (utterances, positions, width).
        prompts: start of the decoder for each utterance, with <|notimestamps|> at its end.
        phrases: the allowed texts, at least one.
    """
    spellings = spell(tokenizer, phrases)
    one_step = max(2, len(prompts[0]) + 1)  # the length that lets CTranslate2 write one token
    first = model.generate(encoded, list(prompts), beam_size=1, max_length=one_step, return_no_speech_prob=True)
    sound = np.array(encoded.to_device(ctranslate2.Device.cpu))
    choices = []
    for row, prompt, result in zip(sound, prompts, first, strict=True):
        scores = score(model, row, prompt, spellings, tokenizer.end)
        choices.append(likeliest(scores, spellings, phrases, tokenizer, result.no_speech_prob))
    return choices


def spell(tokenizer: Tokenizer, phrases: Sequence[str]) -> list[Spelling]:
    """Returns the spellings of each phrase: as it is, and as a sentence with a capital and a full stop."""
    found: dict[tuple[int, ...], int] = {}
    for i, phrase in enumerate(phrases):
        found.setdefault(tuple(tokenizer.encode(phrase)), i)
    for i, phrase in enumerate(phrases):
        sentence = phrase[:1].upper() + phrase[1:] + ("." if phrase[-1:].isalnum() else "")
        found.setdefault(tuple(tokenizer.encode(sentence)), i)
    beginnings: dict[tuple[int, ...], set[int]] = {}  # phrases by the beginnings of their spellings
    for tokens, i in found.items():
        for n in range(1, len(tokens)):
            beginnings.setdefault(tokens[:n], set()).add(i)
    return [Spelling(i, tokens, bool(beginnings.get(tokens, set()) - {i})) for tokens, i in found.items()]


def score(
    model: ctranslate2.models.Whisper,
    sound: np.ndarray,
    prompt: list[int],
    spellings: Sequence[Spelling],
    end: int,
) -> list[list[float]]:
    """Returns the log probabilities of the tokens of each spelling, and of its end where another one is longer."""
    scores: list[list[float]] = []
    for first in range(0, len(spellings), ROWS):
        batch = spellings[first : first + ROWS]
        rows = _rows(sound, len(batch))
        texts = [list(spelling.tokens) for spelling in batch]
        found = model.align(rows, prompt[:-1], texts, [ALIGNED_FRAMES] * len(batch))
        scores += [[_log(p) for p in alignment.text_token_probs] for alignment in found]
    for i, spelling in enumerate(spellings):
        if spelling.is_beginning:
            scores[i] = [*scores[i], end_logprob(model, sound, [*prompt, *spelling.tokens], end)]
    return scores


def end_logprob(model: ctranslate2.models.Whisper, sound: np.ndarray, start: list[int], end: int) -> float:
    """Returns the log probability that the text ends behind its start."""
    one_step = max(2, len(start) + 1)
    options = {"beam_size": 1, "max_length": one_step, "suppress_blank": False, "suppress_tokens": []}
    (result,) = model.generate(_rows(sound, 1), [start], return_logits_vocab=True, **options)
    logits = np.array(result.logits[0]).astype(np.float64).reshape(-1)
    return float(logits[end] - np.logaddexp.reduce(logits))


def likeliest(
    scores: Sequence[Sequence[float]],
    spellings: Sequence[Spelling],
    phrases: Sequence[str],
    tokenizer: Tokenizer,
    no_speech_prob: float,
) -> Choice:
    """Returns the phrase whose spellings are together the most probable."""
    totals = np.full(len(phrases), -np.inf)
    for spelling, logprobs in zip(spellings, scores, strict=True):
        totals[spelling.phrase] = np.logaddexp(totals[spelling.phrase], sum(logprobs))
    chosen = int(np.argmax(totals))
    means = [float(np.mean(s)) for spelling, s in zip(spellings, scores, strict=True) if spelling.phrase == chosen]
    return Choice(phrases[chosen], tuple(tokenizer.encode(phrases[chosen])), max(means), no_speech_prob)


def _rows(sound: np.ndarray, n: int) -> ctranslate2.StorageView:
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(np.repeat(sound[None], n, axis=0)))


def _log(probability: float) -> float:
    return float(np.log(max(probability, LOWEST_PROBABILITY)))
