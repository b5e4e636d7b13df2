"""Text as it is scored: case, punctuation and spacing never count as errors."""

import re
import unicodedata

PUNCTUATION = re.compile(r"[^\w\s]|_")


def normalise(text: str) -> str:
    """Lower case, NFKC, letters, marks and digits only, single spaces.

    Combining marks stay with their letters (they carry vowels in many scripts)."""
    text = unicodedata.normalize("NFKC", text).lower()
    kept = (c if unicodedata.category(c)[0] == "M" or not PUNCTUATION.match(c) else " " for c in text)
    return " ".join("".join(kept).split())
