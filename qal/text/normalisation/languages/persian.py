"""Persian: Arabic forms of letters, and prefixes and endings that are written joined, apart, or with a joiner."""

import re

from qal.text.normalisation.basic import normalise_basic

LETTERS = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "ة": "ه", "ۀ": "ه", "أ": "ا", "إ": "ا", "ٱ": "ا", "ؤ": "و"})
EZAFE_ABOVE = re.compile("ه[\u0654\u0621]")
PREFIX = re.compile(r"\b(ن?می) (?=\w)")  # of verbs
ENDING = re.compile(r"(?<=\w) (ها|های|هایی|هایم|هایت|هایش|تر|ترین)\b")  # of plurals and comparisons


def normalise_persian(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes Arabic letters as Persian ones, and joins می, نمی, ها and تر to their words."""
    text = EZAFE_ABOVE.sub("ه", normalise_basic(text, language)).translate(LETTERS)
    return ENDING.sub(r"\1", PREFIX.sub(r"\1", text))
