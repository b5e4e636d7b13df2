"""Amharic, and the other languages in Ethiopic script: numerals, gemination marks, labialised syllables, and, as a
choice of its own, letters that are pronounced alike."""

import re
import unicodedata

from qal.text.normalisation.basic import normalise_basic

GEMINATION = re.compile("[\u135d-\u135f]")
NUMERAL = re.compile("[\u1369-\u137c]{1,100}")  # a longer one is no number, and Python writes 4,300 digits at most
HUNDRED, TEN_THOUSAND = "\u137b", "\u137c"
VALUES = {chr(0x1369 + i): i + 1 for i in range(9)} | {chr(0x1372 + i): 10 * (i + 1) for i in range(9)}

# Rows of the same consonant sound in today's Amharic: the first letter of each, and that of the row which replaces it
SAME_SOUND_ROWS = {"ሐ": "ሀ", "ኀ": "ሀ", "ኸ": "ሀ", "ሠ": "ሰ", "ዐ": "አ", "ፀ": "ጸ"}
VOWELS = 7  # letters of a row, one for each vowel
SAME_SOUND = {"ሃ": "ሀ", "ኣ": "አ", "ሗ": "ኋ", "ሧ": "ሷ", "ዃ": "ኋ"}
SYLLABLE = "ETHIOPIC SYLLABLE "


def normalise_amharic(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes Ethiopic numerals as digits, leaves out gemination marks, and writes labialised
    syllables as one letter: ሉዋ is ሏ, ኵ is ኩ."""
    text = NUMERAL.sub(lambda found: str(numeral_value(found[0])), normalise_basic(text, language))
    return LABIALISED.sub(lambda found: LABIALISED_LETTERS[found[0]], GEMINATION.sub("", text))


def normalise_amharic_homophones(text: str, language: str | None = None) -> str:
    """As `normalise_amharic`, and letters that are pronounced alike are one: ሀ ሐ ኀ ኸ, ሰ ሠ, አ ዐ, ጸ ፀ, ሀ ሃ, አ ኣ."""
    return normalise_amharic(text, language).translate(HOMOPHONES)


def numeral_value(numeral: str) -> int:
    """Returns the value of an Ethiopic numeral: ፲፱፻፹፬ is 1984. A hundred or ten thousand alone is one of it."""
    total = below_ten_thousand = below_hundred = 0
    for sign in numeral:
        if sign == HUNDRED:
            below_ten_thousand += 100 * (below_hundred or 1)
            below_hundred = 0
        elif sign == TEN_THOUSAND:
            total = 10_000 * (total + below_ten_thousand + below_hundred or 1)
            below_ten_thousand = below_hundred = 0
        else:
            below_hundred += VALUES[sign]
    return total + below_ten_thousand + below_hundred


def _labialised_letters() -> dict[str, str]:
    """Returns the other spellings of labialised syllables, from the names that Unicode gives to the letters.

    With ቁ and ዋ or አ it is ቋ; ቍ is ቁ. A consonant has the ending WAA where it has one for each vowel, else WA."""
    by_name = {unicodedata.name(chr(code), "").removeprefix(SYLLABLE): chr(code) for code in range(0x1200, 0x1380)}
    letters = {}
    for name, letter in by_name.items():
        consonant = name.removesuffix("WAA").removesuffix("WA").removesuffix("WE")
        with_u = by_name.get(f"{consonant}U")
        if not consonant or with_u is None:
            continue
        if name == f"{consonant}WE":
            letters[letter] = with_u
        elif name == f"{consonant}WAA" or (name == f"{consonant}WA" and f"{consonant}WAA" not in by_name):
            letters |= {f"{with_u}ዋ": letter, f"{with_u}አ": letter}
    return letters


def _homophones() -> dict[int, str]:
    rows = {ord(old) + vowel: chr(ord(new) + vowel) for old, new in SAME_SOUND_ROWS.items() for vowel in range(VOWELS)}
    single = {ord(old): new for old, new in SAME_SOUND.items()}
    return {code: single.get(ord(letter), letter) for code, letter in rows.items()} | single


LABIALISED_LETTERS = _labialised_letters()
LABIALISED = re.compile("|".join(sorted(LABIALISED_LETTERS, key=len, reverse=True)))
HOMOPHONES = _homophones()
