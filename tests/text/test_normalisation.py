"""Laws of the scoring normaliser: what a reader takes for the same text is the same, and nothing else is."""

import hashlib
import sys
import unicodedata

import pytest

from qal.corpus.split import split_of
from qal.text.normalisation.registry import NORMALISERS, OLDEST, SCORING, normalise
from qal.text.normalisation.split_key import split_key

SAME_TEXT = [
    ("de", "Die Donau\u00addampf\u00adschiff\u00adfahrt", "Die Donaudampfschifffahrt"),
    ("en", "pay\u00adment", "payment"),
    ("en", "\ufeffpay\u200bment \u200e(now)\u200f", "payment now"),
    ("en", "word\u2060joiner\u202a bidi\u202c", "wordjoiner bidi"),
    ("fa", "می\u200cخواهم بروم", "میخواهم بروم"),
    ("hi", "क्\u200dष", "क्ष"),
    ("mn", "ᠮᠣᠩᠭᠣᠯ\u180e\u180b", "ᠮᠣᠩᠭᠣᠯ"),
    ("ja", "葛\U000e0100城 ❤\ufe0f", "葛城"),
    ("en", "press 1\ufe0f\u20e3", "press 1"),
    ("ar", "مَرْحَبًا بِكُمْ فِي الْبَيْتِ", "مرحبا بكم في البيت"),
    ("ar", "العـــربية", "العربية"),
    ("ar", "ﻣﺮﺣﺒﺎ ﻻ", "مرحبا لا"),
    ("ar", "بﹷتﱠم", "بتم"),
    ("ar", "قرأ", "قر\u0627\u0654"),
    ("he", "שָׁלוֹם עֲלֵיכֶם", "שלום עליכם"),
    ("he", "שׁ", "\ufb2a"),
    ("syr", "ܫܠܳܡܳܐ", "ܫܠܡܐ"),
    ("tr", "İstanbul güzel bir şehir", "istanbul güzel bir şehir"),
    ("tr", "ISPARTA IRMAĞI", "ısparta ırmağı"),
    ("az", "I\u0307DMAN", "idman"),
    (None, "İstanbul", "istanbul"),
    (None, "i\u0307stanbul", "istanbul"),
    ("en", "ＦＵＬＬ　ｗｉｄｔｈ　１２", "full width 12"),
    ("ja", "ｶﾞｷﾞ", "ガギ"),
    ("en", "ﬁne eﬀort", "fine effort"),
    ("en", "don´t", "don't"),
    ("uk", "обʼєкт", "об'єкт"),
    ("my", "ကျွန်တော် မနက်ဖြန် ရန်ကုန်ကို သွားမယ်", "ကျွန်တော်မနက်ဖြန်ရန်ကုန်ကိုသွားမယ်"),
    ("zh", "你好， 世界 abc 个 12", "你好世界abc个12"),
    ("th", "ไป ไหน", "ไปไหน"),
    ("am", "ሰላም፡ለዓለም፡፡", "ሰላም ለዓለም"),
]
SAME_NUMBER = [
    ("en", "1,000,000 people", "1000000 people"),
    ("en", "1,000 people", "1000 people"),
    (None, "1,000 people", "1000 people"),
    (None, "1 000 000", "1000000"),
    (None, "1.000.000", "1000000"),
    (None, "1'000", "1000"),
    ("de", "1’234’567", "1234567"),
    ("de", "1.000 Leute", "1000 Leute"),
    ("de", "1.234,56", "1234,56"),
    ("en", "1,234.56", "1234.56"),
    ("en", "1,234,567.89", "1234567.89"),
    ("fr", "10 000 habitants", "10000 habitants"),
    ("fr", "10\u202f000 habitants", "10000 habitants"),
    (None, "10\u00a0000", "10000"),
    ("hi", "1,00,000", "100000"),
    ("en", "12,34,567.50", "1234567.50"),
    ("de", "1.234.567,5", "1234567,5"),
    ("ar", "١٬٠٠٠٬٠٠٠", "1000000"),
    ("fa", "۱۲", "12"),
    ("zh", "１，０００，０００人", "1000000人"),
    ("en", "It cost 1,000,000.", "it cost 1000000"),
]
DIFFERENT = [
    (None, "1,5", "15"),
    ("de", "1,5", "15"),
    ("en", "1.5", "15"),
    ("en", "3.141", "3141"),
    ("de", "3,141", "3141"),
    ("en", "0.500", "0500"),
    ("fr", "0,500", "0500"),
    ("en", "room 5 300", "room 5300"),
    ("en", "1 800 555 1234", "1800555 1234"),
    ("en", "12,34", "1234"),
    ("en", "1,800,555,1234", "1800555 1234"),
    ("en", "10.12.2024", "10122024"),
    ("en", "pay ment", "payment"),
    ("ko", "아버지가 방에", "아버지 가방에"),
    ("am", "ሰላም ለዓለም", "ሰላምለዓለም"),
    ("tr", "ılık", "ilik"),
    (None, "ı", "i"),
    ("fa", "کی", "كي"),
    ("ur", "ہے", "هي"),
    ("ar", "أن", "ان"),
    ("hi", "कि", "क"),
    ("ta", "கா", "க"),
    ("th", "มา", "มี"),
    ("dv", "ދިވެހި", "ދވހ"),
    ("yi", "אַ", "אָ"),
    ("de", "schön", "schon"),
    ("am", "ሠላም", "ሰላም"),
    ("ja", "カー", "カ"),
]


@pytest.mark.parametrize(("language", "a", "b"), [*SAME_TEXT, *SAME_NUMBER])
def test_spellings_that_a_reader_takes_for_the_same_normalise_to_the_same_text(language: str | None, a: str, b: str):
    assert normalise(a, language) == normalise(b, language)


@pytest.mark.parametrize(("language", "a", "b"), DIFFERENT)
def test_different_words_and_numbers_stay_different_after_normalisation(language: str | None, a: str, b: str):
    assert normalise(a, language) != normalise(b, language)


def test_punctuation_and_case_are_removed_and_phone_numbers_stay_groups():
    assert normalise("Hello, (World)!") == "hello world"
    assert normalise("call 1-800-555-1234", "en") == "call 1 800 555 1234"
    assert normalise("1,5") == "1 5"


def test_no_format_character_leaves_a_space_or_remains():
    format_characters = {chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) == "Cf"}
    signs = set("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
    wrong = [hex(ord(c)) for c in format_characters - signs if normalise(f"a{c}b") != "ab"]
    assert wrong == []


def test_normalising_twice_changes_nothing():
    for code in (*range(0x3000), *range(0x3000, 0xD800, 7), *range(0xE000, 0x20000, 7)):
        once = normalise(f"a {chr(code)}b{chr(code)} 1")
        assert normalise(once) == once, hex(code)


def test_every_stored_score_finds_its_normaliser_by_name_and_version():
    assert SCORING.id == "basic-2"
    assert OLDEST.id == "basic-1"
    assert all(normaliser.id == name for name, normaliser in NORMALISERS.items())
    assert NORMALISERS["basic-1"].apply("pay\u00adment", None) == "pay ment"


def test_split_key_never_changes_so_that_rows_keep_their_split():
    texts = ["Hello, World!", "pay\u00adment", "مَرْحَبًا", "İstanbul", "1,000,000", "今天 下午", "don´t", "हिन्दी"]
    digest = hashlib.sha256("\n".join(map(split_key, texts)).encode()).hexdigest()
    assert digest == "f7f1615ac9382fe6b8a54b5c0c290caa6a20205dc956f6c9e36186bfb1df72d6"
    splits = [split_of(text, "en", "") for text in texts]
    assert splits == [
        "validation",
        "train",
        "train",
        "train",
        "train",
        "train",
        "train",
        "train",
    ]
