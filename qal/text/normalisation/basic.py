"""The normaliser "basic-2": what a reader takes for the same text, in every language.

Unlike Whisper's BasicTextNormalizer it keeps combining marks, which are vowels in many scripts, and text in brackets.
Letters are not replaced by similar ones: Persian and Urdu letters, for example, stay different from Arabic ones."""

import re
import unicodedata
from collections.abc import Callable
from functools import cache

from qal.text.normalisation.numbers import join_digit_groups, western_digits
from qal.text.scripts import WITHOUT_SPACES

DOTTED_AND_DOTLESS_I = frozenset({"tr", "az"})  # languages in which I is the capital of ı, and İ of i
VOWEL_POINTS_ARE_SPELLING = frozenset({"yi"})  # Yiddish tells its vowels apart by Hebrew points

# Characters that cannot be seen: variation selectors, joiners, fillers and the tatweel, which lengthens a line.
# Those of the category Cf (soft hyphen, zero-width characters, bidirectional marks, byte order mark) are added below.
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef\u0640\u07fa]"
)
VISIBLE_FORMAT = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")  # Cf that is a sign

# Marks that writers of these abjads may leave out. Hamza and madda belong to their letter and are kept.
HEBREW_POINTS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\ufb1e"
ARABIC_VOWELS = "\u0610-\u061a\u064b-\u0652\u0656-\u0658\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
ARABIC_VOWELS += "\u0898-\u089f\u08ca-\u08e1\u08e3-\u08ff"
SYRIAC_VOWELS = "\u0711\u0730-\u074a"
SPACING_VOWELS = re.compile("[\ufbb2-\ufbc2\ufc5e-\ufc63\ufcf2-\ufcf4\ufe70-\ufe7f]")  # NFKC writes a space and a mark
OPTIONAL_MARKS = re.compile(f"[{HEBREW_POINTS}{ARABIC_VOWELS}{SYRIAC_VOWELS}]")
OPTIONAL_MARKS_YIDDISH = re.compile(f"[{ARABIC_VOWELS}{SYRIAC_VOWELS}]")

APOSTROPHE_LETTERS = re.compile("[\u02b9-\u02bf\u02c8\ua78b\ua78c]")  # letters in Unicode, typed like an apostrophe
NOT_SCORED = re.compile(r"[^\w\s]|_")
SPACE_IN_SPACELESS_SCRIPT = re.compile(f"(?<=[{WITHOUT_SPACES}]) | (?=[{WITHOUT_SPACES}])")


def normalise_basic(text: str, language: str | None = None) -> str:
    """Applies the normaliser: only lower-case letters, their combining marks and digits remain, with single spaces.

    In this order: invisible characters vanish; compatibility forms (full width, ligatures, presentation forms) become
    ordinary letters (NFKC); digits of all scripts become 0 to 9 and groups of digits one number; lower case; optional
    vowel marks vanish; punctuation and symbols become spaces; spaces beside scripts without spaces vanish.

    Args:
        text: any text.
        language: its language code, which decides İ and I, vowel points and the decimal sign; None: unknown."""
    text = without_invisible(SPACING_VOWELS.sub("", text))
    text = join_digit_groups(western_digits(text), language)  # before NFKC, which makes all spaces equal
    text = without_invisible(unicodedata.normalize("NFKC", text))
    text = lower_case(join_digit_groups(western_digits(text), language), language)
    marks = OPTIONAL_MARKS_YIDDISH if language in VOWEL_POINTS_ARE_SPELLING else OPTIONAL_MARKS
    words = _without_punctuation(unicodedata.normalize("NFC", marks.sub("", text))).split()
    return SPACE_IN_SPACELESS_SCRIPT.sub("", " ".join(words))


def without_invisible(text: str) -> str:
    """Leaves out the characters that cannot be seen, and marks that enclose a character."""
    return text.translate(VISIBLE)


def _is_invisible(character: str) -> bool:
    """True for a character that a reader does not see, and for marks that enclose a character (keycaps)."""
    category = unicodedata.category(character)
    if category == "Cf":
        return not VISIBLE_FORMAT.match(character)
    return category == "Me" or bool(INVISIBLE.match(character))


def lower_case(text: str, language: str | None) -> str:
    """Converts to lower case without leaving the combining dot of İ."""
    if language in DOTTED_AND_DOTLESS_I:
        text = text.replace("I", "ı")
    return text.replace("İ", "i").lower().replace("i\u0307", "i")


def _without_punctuation(text: str) -> str:
    """Replaces punctuation and symbols by spaces; combining marks without a letter before them vanish."""
    text = text.translate(WORDS)
    if text.isascii() or not any(map(_is_mark, set(text))):
        return text
    kept: list[str] = []
    for character in text:
        if not _is_mark(character) or (kept and not kept[-1].isspace()):
            kept.append(character)
    return "".join(kept)


@cache
def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _word_character(character: str) -> str:
    """Returns the character if it may be part of a word, else a space."""
    is_sign = NOT_SCORED.match(character) or APOSTROPHE_LETTERS.match(character)
    return " " if is_sign and not _is_mark(character) else character


class _Table(dict[int, str]):
    """A table for str.translate, filled with the result of a function for each character that occurs."""

    def __init__(self, replacement: Callable[[str], str]):
        super().__init__()
        self._replacement = replacement

    def __missing__(self, code: int) -> str:
        self[code] = replaced = self._replacement(chr(code))
        return replaced


VISIBLE = _Table(lambda character: "" if _is_invisible(character) else character)
WORDS = _Table(_word_character)
