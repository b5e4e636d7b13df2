"""Hebrew: abbreviations and foreign sounds are written with marks that are easily confused with quotation marks."""

import re

from qal.text.normalisation.basic import normalise_basic, without_invisible

# Geresh and gershayim, and what is typed for them: within or after a word
MARKS_OF_LETTERS = re.compile("(?<=[א-ת])[\u05f3\u05f4'’\"”]+(?=[א-ת])|(?<=[א-ת])\u05f3")


def normalise_hebrew(text: str, language: str | None = None) -> str:
    """Leaves out geresh and gershayim, so that צה״ל is one word, then applies basic-2."""
    return normalise_basic(MARKS_OF_LETTERS.sub("", without_invisible(text)), language)
