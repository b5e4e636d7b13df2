"""Turkish and Azerbaijani: apostrophes before endings of names, and circumflexes, which most writers leave out."""

import re

from qal.text.normalisation.basic import normalise_basic, without_invisible

APOSTROPHE = re.compile(r"(?<=\w)['’ʼ](?=\w)")
CIRCUMFLEXES = str.maketrans("âîû", "aiu")


def normalise_turkish(text: str, language: str | None = "tr") -> str:
    """Leaves out the apostrophe of İstanbul'da, applies basic-2, and writes â, î and û without the circumflex."""
    return normalise_basic(APOSTROPHE.sub("", without_invisible(text)), language).translate(CIRCUMFLEXES)
