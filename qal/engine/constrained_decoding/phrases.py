"""Phrases: the texts that a word list or a small grammar allows.

    turn (on|off) [the] light     ─►  turn on light · turn on the light · turn off light · turn off the light

Alternatives stand in round brackets, what may be left out in square ones; both may be nested."""

import re
from functools import cache
from itertools import product

from qal.errors import OptionError

MAX_PHRASES = 200  # each one is scored against the sound
SPECIAL = re.compile(r"([()|\[\]])")
EXAMPLE = "write phrases as in turn (on|off) [the] light"
CLOSING = {"(": ")", "[": "]"}


@cache
def expand(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """Returns all phrases of the patterns, each once, in order. Raises OptionError."""
    phrases = dict.fromkeys(phrase for pattern in patterns for phrase in _expand(pattern))
    if len(phrases) > MAX_PHRASES:
        raise OptionError(_too_many("the allowed phrases"))
    return tuple(phrases)


def _expand(pattern: str) -> list[str]:
    if not pattern.strip():
        raise OptionError("an allowed phrase is empty; give words in each line")
    words = [word for word in SPECIAL.split(pattern) if word]
    phrases, end = _alternatives(words, 0, "", pattern)
    if end != len(words):
        raise OptionError(
            f"'{pattern}' closes a bracket that is not open; write phrases as in turn (on|off) [the] light"
        )
    texts = [" ".join(phrase.split()) for phrase in phrases]
    if not all(texts):
        raise OptionError(f"'{pattern}' allows an empty phrase; at least one word must always be there")
    return texts


def _alternatives(words: list[str], at: int, closing: str, pattern: str) -> tuple[list[str], int]:
    """Returns the phrases up to the closing bracket, and the index behind it."""
    found: list[str] = []
    sequence = [""]
    while at < len(words):
        word, at = words[at], at + 1
        if word == closing:
            return found + sequence, at
        if word == "|":
            found, sequence = found + sequence, [""]
        elif word in CLOSING:
            inner, at = _alternatives(words, at, CLOSING[word], pattern)
            sequence = _followed_by(sequence, ["", *inner] if word == "[" else inner, pattern)
        elif word in CLOSING.values():
            return found + sequence, at - 1
        else:
            sequence = _followed_by(sequence, [word], pattern)
    if closing:
        raise OptionError(
            f"'{pattern}' opens a bracket that is not closed; write phrases as in turn (on|off) [the] light"
        )
    return found + sequence, at


def _followed_by(starts: list[str], ends: list[str], pattern: str) -> list[str]:
    if len(starts) * len(ends) > MAX_PHRASES:
        raise OptionError(_too_many(f"'{pattern}'"))
    return [start + end for start, end in product(starts, ends)]


def _too_many(what: str) -> str:
    return f"{what} are more than {MAX_PHRASES} different texts; allow fewer, because each one is scored"
