"""Whisper's own normalisers, with which most published figures were measured (the Open ASR Leaderboard among them).

They are those of the package whisper-normalizer (MIT), which carries OpenAI's code and its table of spellings. The
basic one deletes combining marks, which are vowels in many scripts, and text in brackets."""

from functools import cache
from typing import Any


def whisper_basic(text: str, language: str | None = None) -> str:
    """Applies Whisper's BasicTextNormalizer; in languages without spaces, as Whisper's own scripts do, each letter
    becomes a word."""
    return _basic(language in SPLIT_LETTERS)(text).strip()


def whisper_english(text: str, _language: str | None = None) -> str:
    """Applies Whisper's EnglishTextNormalizer: numbers as digits, British spellings as American ones, no contractions,
    no hesitations."""
    return _english()(text).strip()


@cache
def _basic(split_letters: bool) -> Any:
    from whisper_normalizer.basic import BasicTextNormalizer

    return BasicTextNormalizer(split_letters=split_letters)


@cache
def _english() -> Any:
    from whisper_normalizer.english import EnglishTextNormalizer

    return EnglishTextNormalizer()


SPLIT_LETTERS = frozenset({"zh", "ja", "th", "lo", "my", "yue"})  # as in the paper of Whisper, appendix C
