"""Words of a text, each with its time and probability, read off the decoder's attention.

The alignment is CTranslate2's (dynamic time warping over the heads that follow the sound, Radford et al. 2022)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from faster_whisper.tokenizer import Tokenizer as WordSplitter

from qal.audio.samples import HOP, SAMPLE_RATE

SECONDS_PER_POSITION = 2 * HOP / SAMPLE_RATE  # of the encoder's output


class WhisperAlignment(Protocol):
    """What CTranslate2's `align` gives for one text."""

    alignments: list[tuple[int, int]]  # (token, encoder position), a path through both
    text_token_probs: list[float]


@dataclass(frozen=True)
class Word:
    """A word as the decoder wrote it, with the space before it: joined, the words are the text again."""

    text: str
    start_s: float  # from the beginning of the utterance
    end_s: float
    probability: float  # mean of its tokens'


def to_words(splitter: WordSplitter, ids: Sequence[int], alignment: WhisperAlignment) -> tuple[Word, ...]:
    """Token ids of a text and their alignment -> its words, in order of time."""
    texts, tokens = splitter.split_to_word_tokens([*ids, splitter.eot])
    if len(texts) < 2 or not alignment.alignments:  # nothing before the end
        return ()
    at_token, at_position = np.array(alignment.alignments).T
    begins = np.flatnonzero(np.diff(at_token, prepend=at_token[0] - 1))  # where the path comes to a new token
    token_s = at_position[begins] * SECONDS_PER_POSITION
    edges = np.cumsum([0, *map(len, tokens[:-1])])
    probabilities = alignment.text_token_probs
    words = (
        Word(text, float(token_s[a]), float(token_s[b]), float(np.mean(probabilities[a:b])))
        for text, a, b in zip(texts, edges, edges[1:], strict=False)
    )
    return tuple(_with_punctuation(word for word in words if word.text))  # half a letter is no text


def _with_punctuation(words: Iterable[Word]) -> list[Word]:
    """A full stop belongs to the word before it, and how sure it is does not matter."""
    joined: list[Word] = []
    for word in words:
        if joined and not word.text[0].isspace() and not any(c.isalnum() for c in word.text):
            joined[-1] = replace(joined[-1], text=joined[-1].text + word.text, end_s=word.end_s)
        else:
            joined.append(word)
    return joined
