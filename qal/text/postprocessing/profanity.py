"""Swear words are masked after their first letter."""

import re
from functools import cache
from pathlib import Path

from qal.text.postprocessing.edits import Edit
from qal.text.postprocessing.word_lists import read_words, words_by_language

MASK = "*"


def profanity_edits(text: str, language: str, file: str | None = None) -> list[Edit]:
    """Returns the edits that mask the words of the language's list, or of a user's file. Raises OptionError."""
    words = read_words(Path(file).expanduser()) if file else words_by_language("profanity").get(language, ())
    pattern = profanity_pattern(words)
    if pattern is None:
        return []
    return [Edit(found.start() + 1, found.end(), masked(found[0][1:])) for found in pattern.finditer(text)]


@cache
def profanity_pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    """Returns the pattern of whole words, of which those with a * have any ending; None without words."""
    written = [
        re.escape(word.rstrip(MASK)) + (r"\w*" if word.endswith(MASK) else "") for word in words if len(word) > 1
    ]
    if not written:
        return None
    alternatives = "|".join(sorted(written, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?![\w{re.escape(MASK)}])", re.IGNORECASE)


def masked(letters: str) -> str:
    return re.sub(r"\w", MASK, letters)
