"""Whisper's own normalisers, with which most published figures were measured (the Open ASR Leaderboard among them).

They are those of the package whisper-normalizer (MIT), which carries OpenAI's code and its table of spellings. The
basic one deletes combining marks, which are vowels in many scripts, and text in brackets."""

import re
from functools import cache
from typing import Any


def whisper_basic(text: str, language: str | None = None) -> str:
    """Applies Whisper's BasicTextNormalizer; in languages without spaces, as Whisper's own scripts do, each letter
    becomes a word."""
    return _basic(language in SPLIT_LETTERS)(_without_brackets(text)).strip()


def whisper_english(text: str, _language: str | None = None) -> str:
    """Applies Whisper's EnglishTextNormalizer: numbers as digits, British spellings as American ones, no contractions,
    no hesitations."""
    return _english()(LONG_NUMBER.sub(r"\g<0> ", _without_brackets(text))).strip()


def _without_brackets(text: str) -> str:
    """Removes text in brackets as both normalisers do at first. They search the rest of the text again for each
    bracket that is never closed, which takes minutes for a long text of brackets; here these become braces, which are
    treated alike afterwards."""
    for brackets, openings, closings in BRACKETS:
        end = max(map(text.rfind, closings)) + 1
        text = brackets.sub("", text[:end]) + text[end:].translate(dict.fromkeys(map(ord, openings), "{"))
    return text


@cache
def _basic(split_letters: bool) -> Any:
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer(split_letters=split_letters)


@cache
def _english() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


BRACKETS = ((re.compile(r"[<\[][^>\]]*[>\]]"), "<[", ">]"), (re.compile(r"\(([^)]+?)\)"), "(", ")"))
LONG_NUMBER = re.compile(r"[\d.,]{1000}(?=\d)")  # the English one fails on numbers of more than 4,300 digits
SPLIT_LETTERS = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # as in the paper of Whisper, appendix C
