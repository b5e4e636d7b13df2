"""How a model's vocabulary fits the words of a dataset: tokens per word. Whisper has a token for each byte, so that no
word is outside of its vocabulary; words of many tokens are slower and harder to learn."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from qal.corpus.query import Count
from qal.engine.catalogue import local_directory
from qal.errors import QalError

if TYPE_CHECKING:
    from qal.engine.decoding import Tokenizer

MAX_BIN = 8  # tokens; the last bin holds longer words, too
SHOWN_WORDS = 12


@dataclass(frozen=True)
class TokenStatistics:
    """The tokens of the words of a dataset."""

    model: str
    words_by_tokens: tuple[int, ...]  # number of different words with 1, 2, … MAX_BIN or more tokens
    tokens_per_word: float  # mean over all words as often as they occur
    single_share: float  # share of the different words that are one token
    longest: tuple[tuple[str, int], ...]  # words with the most tokens, and their number of tokens


def token_statistics(words: Sequence[Count], model: str) -> TokenStatistics | None:
    """Counts the tokens of words as they stand in a sentence; None without words or without the model's files."""
    tokenizer = _tokenizer(model)
    if tokenizer is None or not words:
        return None
    counts = [len(tokenizer.encode(word.text)) for word in words]
    bins = [0] * MAX_BIN
    for count in counts:
        bins[min(count, MAX_BIN) - 1] += 1
    occurrences = sum(word.count for word in words)
    total = sum(count * word.count for count, word in zip(counts, words, strict=True))
    ranked = sorted(zip(counts, words, strict=True), key=lambda pair: (-pair[0], -pair[1].count, pair[1].text))
    longest = tuple((word.text, count) for count, word in ranked[:SHOWN_WORDS] if count > 1)
    return TokenStatistics(model, tuple(bins), total / occurrences, bins[0] / len(words), longest)


@lru_cache(4)
def _tokenizer(model: str) -> "Tokenizer | None":
    from qal.engine.decoding import Tokenizer

    directory = local_directory(model) or (Path(model) if Path(model).is_dir() else None)
    try:
        return Tokenizer(directory) if directory else None
    except QalError:  # the System tab reports a broken model
        return None
