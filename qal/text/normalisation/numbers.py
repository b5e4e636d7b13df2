"""Digits and separators between groups of digits, as different ways to write the same number."""

import re
import unicodedata

# Languages that write "1,5" for one and a half; a point or a space then separates groups of three digits
DECIMAL_COMMA_CODES = (
    "af az ba be bg br bs ca cs da de el es et eu fi fo fr gl hr ht hu hy id is it jw ka kk la lb ln lt lv mk mn nb nl "
    "nn no oc pl pt ro ru sk sl sq sr su sv tg tk tr tt uk uz vi"
)
DECIMAL_COMMA = frozenset(DECIMAL_COMMA_CODES.split())

ONE_DIGIT = re.compile("[0-9]")
ANY_DIGIT = re.compile(r"(?![0-9])\d")
# Spaces that do not break a line, which writers use within numbers
FIXED_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
ARABIC_SEPARATORS = str.maketrans({"\u066c": "'", "\u066b": ","})  # of thousands, of decimals

START = r"(?<![\d.,'’])(?<!\d )"  # no digits before, with or without a separator
END = r"(?![.,' ’]?\d)"
FIRST = r"[1-9]\d{0,2}"  # a number with a leading zero is a decimal fraction
SEVERAL_GROUPS = rf"{START}{FIRST}(?:(?P<separator>[.,' ’])\d{{3}})(?:(?P=separator)\d{{3}})+"
INDIAN_GROUPS = rf"{START}[1-9]\d?(?:,\d\d)+,\d{{3}}"
GROUPS_AND_DECIMALS = rf"{START}{FIRST}(?:,\d{{3}}(?=\.\d)|\.\d{{3}}(?=,\d))"
DECIMALS_AHEAD = r"(?=(?!(?P=separator))[.,]\d+(?![.,\d]))"  # with the other separator
UNAMBIGUOUS = re.compile(
    rf"{SEVERAL_GROUPS}(?:{END}|{DECIMALS_AHEAD})|{INDIAN_GROUPS}(?:{END}|(?=\.\d))"
    rf"|{GROUPS_AND_DECIMALS}|{START}{FIRST}['’]\d{{3}}{END}"
)
ONE_GROUP = {  # by whether the language has a decimal comma
    False: re.compile(rf"{START}{FIRST},\d{{3}}{END}"),
    True: re.compile(rf"{START}{FIRST}[. ]\d{{3}}{END}"),
}
SEPARATOR = re.compile(r"[.,' ’]")


def western_digits(text: str) -> str:
    """Replaces the decimal digits of all scripts by 0 to 9."""
    return ANY_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)


def join_digit_groups(text: str, language: str | None = None) -> str:
    """Removes the separators between groups of digits: "1,000,000" becomes "1000000".

    A single separator may be a decimal one. It is removed where the language uses it for groups: a point or a space in
    languages with a decimal comma, a comma in all others and where the language is unknown. "1,5" never changes.

    Args:
        text: the text, with the digits 0 to 9.
        language: its language code; None: unknown."""
    if not ONE_DIGIT.search(text):
        return text.translate(ARABIC_SEPARATORS)
    text = FIXED_SPACE.sub("'", text.translate(ARABIC_SEPARATORS))
    for pattern in (UNAMBIGUOUS, ONE_GROUP[language in DECIMAL_COMMA]):
        text = pattern.sub(lambda number: SEPARATOR.sub("", number[0]), text)
    return text
