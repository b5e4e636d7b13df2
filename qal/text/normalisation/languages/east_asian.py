"""Chinese, Japanese and Thai. Korean needs nothing beyond basic-2, which composes syllables."""

import re
from functools import cache
from typing import Any

from qal.text.normalisation.basic import normalise_basic, without_invisible

CHINESE_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
CHINESE_DIGIT_BY_DIGIT = re.compile("[〇零一二三四五六七八九]{3,}")  # years, telephone numbers
LONG_VOWEL = re.compile("(?<=[\u3041-\u30ff\uff66-\uff9f])[〜～~―‐−ｰ]")  # typed in place of ー
TONE_AND_AM = re.compile("\u0e4d([\u0e48-\u0e4b])\u0e32")  # the tone mark between both parts of ำ
DOUBLE_E = "\u0e40\u0e40"  # typed for แ


def normalise_chinese(text: str, language: str | None = None) -> str:
    """Applies basic-2, then writes traditional characters as simplified ones (OpenCC), and numbers that are spoken
    digit by digit with 0 to 9: 二〇二四 is 2024."""
    text = _simplified().convert(normalise_basic(text, language))
    return CHINESE_DIGIT_BY_DIGIT.sub(lambda found: found[0].translate(CHINESE_DIGITS), text)


def normalise_japanese(text: str, language: str | None = None) -> str:
    """Writes what is typed for the long vowel as ー, then applies basic-2, which makes half-width kana whole ones."""
    return normalise_basic(LONG_VOWEL.sub("ー", without_invisible(text)), language)


def normalise_thai(text: str, language: str | None = None) -> str:
    """Applies basic-2, then orders the tone mark before ำ, and writes เเ as แ."""
    text = TONE_AND_AM.sub("\\1\u0e4d\u0e32", normalise_basic(text, language))
    return text.replace(DOUBLE_E, "\u0e41")


@cache
def _simplified() -> Any:
    from opencc import OpenCC  # 2 MB of tables: loaded when Chinese is scored

    return OpenCC("t2s")
