"""Times and probabilities of the words of a text, from the decoder's attention.

CTranslate2 computes the alignment: dynamic time warping over the attention heads that follow the audio (Radford et al.
2022)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from faster_whisper.tokenizer import Tokenizer as WordSplitter

from qal.audio.samples import HOP, SAMPLE_RATE

SECONDS_PER_POSITION = 2 * HOP / SAMPLE_RATE  # of the encoder's output


class WhisperAlignment(Protocol):
    """Result of CTranslate2's `align` for one text."""

    alignments: list[tuple[int, int]]  # path of (token index, encoder position)
    text_token_probs: list[float]


@dataclass(frozen=True)
class Word:
    """A word with the space before it, so that the joined words are the text."""

    text: str
    start_s: float  # from the start of the utterance
    end_s: float
    probability: float  # mean over its tokens


def move_words(words: Iterable[Word], offset_s: float) -> tuple[Word, ...]:
    """Returns the words with `offset_s` added to their times."""
    return tuple(replace(word, start_s=word.start_s + offset_s, end_s=word.end_s + offset_s) for word in words)


def to_words(splitter: WordSplitter, ids: Sequence[int], alignment: WhisperAlignment) -> tuple[Word, ...]:
    """Groups the token ids of a text into words with times and probabilities, in order of time."""
    texts, tokens = splitter.split_to_word_tokens([*ids, splitter.eot])
    if len(texts) < 2 or not alignment.alignments:  # the end token only
        return ()
    token_indices, positions = np.array(alignment.alignments).T
    token_starts = np.flatnonzero(np.diff(token_indices, prepend=token_indices[0] - 1))  # first step of each token
    token_s = positions[token_starts] * SECONDS_PER_POSITION
    word_starts = np.cumsum([0, *map(len, tokens[:-1])])
    probabilities = alignment.text_token_probs
    words = (
        Word(text, float(token_s[start]), float(token_s[end]), float(np.mean(probabilities[start:end])))
        for text, start, end in zip(texts, word_starts, word_starts[1:], strict=False)
    )
    return tuple(_join_punctuation(word for word in words if word.text))  # an incomplete character has no text


def _join_punctuation(words: Iterable[Word]) -> list[Word]:
    """Joins punctuation to the word before it, whose probability is kept."""
    joined: list[Word] = []
    for word in words:
        if joined and not word.text[0].isspace() and not any(c.isalnum() for c in word.text):
            joined[-1] = replace(joined[-1], text=joined[-1].text + word.text, end_s=word.end_s)
        else:
            joined.append(word)
    return joined
