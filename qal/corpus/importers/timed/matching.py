"""Matches the words of a transcript to the words that a model recognised, which have times.

Runs of three words that occur once in both texts are anchors. Between them, the characters are aligned, so that words
that the model spelled otherwise have times, too."""

import bisect
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from qal.corpus.importers.alignment import TimedWord
from qal.text.normalisation.registry import normalise
from qal.text.scripts import split_words

ANCHOR_WORDS = 3
MAX_ALIGNED = 4e8  # characters of one text times those of the other, between two anchors: 100 MB


class Block(NamedTuple):
    """Words [start, end) of the transcript, and words [other_start, other_end) of the model."""

    start: int
    end: int
    other_start: int
    other_end: int


@dataclass(frozen=True)
class MatchedWord:
    """A word of the transcript, with its time in the recording where it is recognised."""

    text: str  # with the space before it
    key: str  # normalised; "" for a sign
    start_s: float | None = None
    end_s: float | None = None
    matched: int = 0  # characters of the key that were recognised


def match_words(text: str, recognised: Sequence[TimedWord], language: str) -> list[MatchedWord]:
    """Finds the times of the words of a text.

    Args:
        text: the transcript.
        recognised: the model's words in order.
        language: code of the language of both, for the normaliser."""
    words = split_words(text)
    keys = [_key(word, language) for word in words]
    heard = [(_key(word.text, language), word) for word in recognised]
    heard = [(key, word) for key, word in heard if key]
    matched = [MatchedWord(word, key) for word, key in zip(words, keys, strict=True)]
    spoken = [i for i, key in enumerate(keys) if key]
    for block in _blocks([keys[i] for i in spoken], [key for key, _ in heard]):
        indices = spoken[block.start : block.end]
        times = _align([keys[i] for i in indices], heard[block.other_start : block.other_end])
        for i, (start_s, end_s, count) in zip(indices, times, strict=True):
            if count:
                matched[i] = MatchedWord(words[i], keys[i], start_s, end_s, count)
    return matched


def _key(word: str, language: str) -> str:
    return normalise(word, language or None).replace(" ", "")


def _blocks(keys: Sequence[str], other: Sequence[str]) -> Iterator[Block]:
    """Yields the anchors as blocks, and the blocks between them."""
    position, other_position = 0, 0
    for start, other_start in _anchors(keys, other):
        if start < position or other_start < other_position:
            continue  # within the anchor before
        yield Block(position, start, other_position, other_start)
        position, other_position = start + ANCHOR_WORDS, other_start + ANCHOR_WORDS
        yield Block(start, position, other_start, other_position)
    yield Block(position, len(keys), other_position, len(other))


def _anchors(keys: Sequence[str], other: Sequence[str]) -> list[tuple[int, int]]:
    """Returns the positions of runs of words that occur once in both texts, in the same order in both."""
    own, others = _unique_runs(keys), _unique_runs(other)
    pairs = sorted((position, others[run]) for run, position in own.items() if run in others)
    return _longest_increasing(pairs)


def _unique_runs(keys: Sequence[str]) -> dict[tuple[str, ...], int]:
    runs = [tuple(keys[i : i + ANCHOR_WORDS]) for i in range(len(keys) - ANCHOR_WORDS + 1)]
    counts = Counter(runs)
    return {run: i for i, run in enumerate(runs) if counts[run] == 1}


def _longest_increasing(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns the longest part of the pairs whose second numbers increase, as the first ones do."""
    smallest_last: list[int] = []  # second number of the last pair of the best chain of each length
    last_index: list[int] = []
    before: list[int] = []
    for i, (_, second) in enumerate(pairs):
        length = bisect.bisect_left(smallest_last, second)
        before.append(last_index[length - 1] if length else -1)
        smallest_last[length : length + 1] = [second]
        last_index[length : length + 1] = [i]
    chain, i = [], last_index[-1] if last_index else -1
    while i >= 0:
        chain.append(pairs[i])
        i = before[i]
    return chain[::-1]


def _align(keys: Sequence[str], heard: Sequence[tuple[str, TimedWord]]) -> list[tuple[float, float, int]]:
    """Returns the start, the end and the number of recognised characters of each word; 0 if there are none."""
    times: list[tuple[float, float, int]] = [(0.0, 0.0, 0)] * len(keys)
    own, other = "".join(keys), "".join(key for key, _ in heard)
    if not own or not other or len(own) * len(other) > MAX_ALIGNED:
        return times
    owner = [i for i, key in enumerate(keys) for _ in key]
    other_times = [time for key, word in heard for time in _character_times(key, word)]
    for operation in Levenshtein.opcodes(own, other):
        if operation.tag != "equal":
            continue
        for offset in range(operation.src_end - operation.src_start):
            index = owner[operation.src_start + offset]
            start_s, end_s = other_times[operation.dest_start + offset]
            first_s, _, count = times[index]
            times[index] = (first_s if count else start_s, end_s, count + 1)
    return times


def _character_times(key: str, word: TimedWord) -> Iterator[tuple[float, float]]:
    """Yields the times of the characters of a word, which divide its time evenly."""
    step_s = (word.end_s - word.start_s) / len(key)
    for i in range(len(key)):
        yield word.start_s + i * step_s, word.start_s + (i + 1) * step_s
