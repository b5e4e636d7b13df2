"""Inverse text normalisation: numbers, dates and times that were spoken are written as digits.

damga has grammars for seven languages; of text2num's, Portuguese and Dutch are used, which damga lacks.
tests/text/test_postprocessing_numbers.py holds the examples on which each language was checked."""

import re
from functools import cache

from damga import InverseNormalizer
from text_to_num import alpha2digit

from qal.text.postprocessing.edits import Edit, edits_between

GRAMMARS = ("de", "en", "es", "fr", "it", "ru", "tr")  # of damga: numbers, dates, times, money, shares
NUMBERS_ONLY = ("nl", "pt")  # of text2num
KEPT = re.compile(  # Portuguese words that text2num would take for numbers: per cent, and the weekdays
    r"\bpor cento\b|\b(?:segunda|terça|quarta|quinta|sexta)s?(?:-feiras?)?\b", re.IGNORECASE
)
PLACEHOLDER = "\ue000"  # of Unicode's private use
MAX_PASSES = 4  # until nothing changes


def number_edits(text: str, language: str) -> list[Edit]:
    """Returns the edits that write numbers as digits; [] for a language without a grammar."""
    written = text
    for _ in range(MAX_PASSES):
        again = write_numbers(written, language)
        if again == written:
            break
        written = again
    return edits_between(text, written)


def write_numbers(text: str, language: str) -> str:
    """Returns the text with its spoken numbers as digits."""
    if language in GRAMMARS:
        return _grammar(language).normalize(text)
    if language in NUMBERS_ONLY:
        kept = KEPT.findall(text)
        digits = alpha2digit(KEPT.sub(PLACEHOLDER, text), language)
        for words in kept:
            digits = digits.replace(PLACEHOLDER, words, 1)
        return digits
    return text


@cache
def _grammar(language: str) -> InverseNormalizer:
    return InverseNormalizer(lang=language)
