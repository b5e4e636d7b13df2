"""Removal of tone marks and of diacritics, to tell errors in them apart from other errors."""

import re
import unicodedata
from collections.abc import Mapping

from qal.text.normalisation.basic import ARABIC_VOWELS, HEBREW_POINTS

# Marks of the tone alone, by language; the other marks of these languages tell vowels and consonants apart
TONE_MARKS: Mapping[str, str] = {
    "ln": "\u0301\u0302\u030c",  # Lingala: high, falling, rising
    "lo": "\u0ec8-\u0ecb",
    "my": "\u1037\u1038",  # Burmese: creaky and high
    "th": "\u0e48-\u0e4b",
    "vi": "\u0300\u0301\u0303\u0309\u0323",
    "yo": "\u0300\u0301\u0304",
}
_TONES = {language: re.compile(f"[{marks}]") for language, marks in TONE_MARKS.items()}
GEMINATION = "\u135d-\u135f"
_MARKS = re.compile(f"(?<!и)[\u0300-\u036f]|[{ARABIC_VOWELS}{HEBREW_POINTS}{GEMINATION}]")  # й is a letter of its own
_LETTERS = str.maketrans("đĐłŁøØħĦɓƁɗƊƙƘ", "dDlLoOhHbBdDkK")  # with a stroke or hook that Unicode does not take apart


def without_tone(text: str, language: str | None) -> str:
    """Removes the tone marks of a language that writes them; of other languages returns the text."""
    tones = _TONES.get(language or "")
    if tones is None:
        return text
    return unicodedata.normalize("NFC", tones.sub("", unicodedata.normalize("NFD", text)))


def without_diacritics(text: str, language: str | None = None) -> str:
    """Removes accents, strokes and hooks of letters, and optional vowel marks; vowels of Indic scripts stay.

    Args:
        text: any text.
        language: its language code, for tone marks outside of Latin script; None: unknown."""
    decomposed = unicodedata.normalize("NFD", without_tone(text, language))
    return unicodedata.normalize("NFC", _MARKS.sub("", decomposed)).translate(_LETTERS)
