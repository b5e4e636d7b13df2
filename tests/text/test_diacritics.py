import pytest

from qal.text.diacritics import without_diacritics, without_tone


@pytest.mark.parametrize(
    ("language", "text", "toneless", "bare"),
    [
        ("vi", "tiếng Việt rất đẹp", "tiêng Viêt rât đep", "tieng Viet rat dep"),
        ("yo", "ọjọ́ dára ẹ̀kọ́", "ọjọ dara ẹkọ", "ojo dara eko"),
        ("th", "น้ำใส่", "นำใส", "นำใส"),
        ("fr", "déjà vu", "déjà vu", "deja vu"),
        ("ru", "ёлка мой", "ёлка мой", "елка мой"),
        ("hi", "हिन्दी", "हिन्दी", "हिन्दी"),
        ("ar", "مَرْحَبًا", "مَرْحَبًا", "مرحبا"),
        ("ko", "한국어", "한국어", "한국어"),
        ("ja", "がぎ", "がぎ", "がぎ"),
        (None, "tiếng", "tiếng", "tieng"),
    ],
)
def test_tone_marks_and_diacritics_are_removed_where_a_language_has_them(language, text, toneless, bare):
    assert without_tone(text, language) == toneless
    assert without_diacritics(text, language) == bare
