"""The frozen normaliser "basic-1", from which the split of a corpus is computed.

It never changes: the split of a row is a hash of its normalised text (qal/corpus/split.py), so that any change here
would move rows between train and test of corpora that exist. Scoring uses the newest version in registry.py."""

import re
import unicodedata

PUNCTUATION = re.compile(r"[^\w\s]|_")


def split_key(text: str) -> str:
    """Applies "basic-1": NFKC, lower case, only letters, combining marks and digits, single spaces."""
    text = unicodedata.normalize("NFKC", text).lower()
    kept = (" " if PUNCTUATION.match(c) and not _is_combining_mark(c) else c for c in text)
    return " ".join("".join(kept).split())


def _is_combining_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
