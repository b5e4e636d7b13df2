"""Text normalisers for scoring: differences that they remove do not count as errors."""

import re
import unicodedata

PUNCTUATION = re.compile(r"[^\w\s]|_")


def normalise_basic(text: str) -> str:
    """Applies the basic normaliser: NFKC, lower case, only letters, combining marks and digits, single spaces.

    It works for every language. Unlike Whisper's BasicTextNormalizer it keeps combining marks, which are vowels in
    many scripts, and text in brackets."""
    text = unicodedata.normalize("NFKC", text).lower()
    kept = (" " if PUNCTUATION.match(c) and not _is_combining_mark(c) else c for c in text)
    return " ".join("".join(kept).split())


def _is_combining_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
