"""The normaliser "language": spellings that a language has for one word are the same, other words stay different."""

import pytest

from qal.errors import OptionError
from qal.evaluation.error_rates import count_errors
from qal.text.normalisation.languages.amharic import numeral_value
from qal.text.normalisation.registry import LANGUAGES, NEWEST, NORMALISERS, find_normaliser

LANGUAGE, HOMOPHONES = find_normaliser("language").apply, find_normaliser("language-homophones").apply

SAME = [
    ("am", "በ፲፱፻፹፬ ዓ.ም.", "በ1984 ዓ ም"),
    ("am", "ሰላም፡ለዓለም፤ሁሉ፥", "ሰላም ለዓለም ሁሉ"),
    ("am", "አለ፟", "አለ"),
    ("am", "ሉዋ በቁዋ", "ሏ በቋ"),
    ("ar", "أحمد إلى آخر ٱلبيت", "احمد الي اخر البيت"),
    ("ar", "مدرسة", "مدرسه"),
    ("ar", "کتاب علی", "كتاب علي"),
    ("fa", "كتاب هاي علي", "کتابهای علی"),
    ("fa", "می\u200cخواهم", "می خواهم"),
    ("fa", "خانهٔ من", "خانه من"),
    ("he", "צה״ל", 'צה"ל'),
    ("he", "ג׳ירפה", "ג'ירפה"),
    ("he", "שָׁלוֹם", "שלום"),
    ("hi", "हिन्दी", "हिंदी"),
    ("hi", "हूँ", "हूं"),
    ("hi", "ज़रा फ़िल्म", "जरा फिल्म"),
    ("mr", "सम्पत्ती", "संपत्ती"),
    ("ne", "अङ्क", "अंक"),
    ("ru", "Ёлка и ещё", "елка и еще"),
    ("de", "Straße GROẞ", "Strasse gross"),
    ("tr", "İstanbul'da kâğıt", "istanbulda kağıt"),
    ("az", "Bakı'da", "bakıda"),
    ("zh", "臺灣的計劃", "台湾的计划"),
    ("zh", "二〇二四年", "2024年"),
    ("yue", "香港電視", "香港电视"),
    ("ja", "ｶﾞｷﾞ サ〜ビス", "ガギ サービス"),
    ("th", "น\u0e4d\u0e49า เเม่", "น้ำ แม่"),
    ("ko", "\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"),
]
DIFFERENT = [
    ("am", "ሠላም", "ሰላም"),
    ("am", "፲፱፻፹፬", "1985"),
    ("ar", "كتاب", "كتب"),
    ("he", "שלום", "שלוש"),
    ("hi", "सड़क", "सडक"),
    ("hi", "पता", "पत्ता"),
    ("ru", "мой", "мои"),
    ("de", "schön", "schon"),
    ("tr", "ılık", "ilik"),
    ("tr", "kış", "kis"),
    ("zh", "一二", "12"),
    ("ja", "ビール", "ビル"),
    ("th", "มา", "ม้า"),
    ("fa", "شیر", "سیر"),
]
HOMOPHONE_ROWS = ["ሀሐኀኸ", "ሰሠ", "አዐ", "ጸፀ"]


@pytest.mark.parametrize(("language", "a", "b"), SAME)
def test_spellings_of_one_word_in_its_language_are_the_same(language: str, a: str, b: str):
    assert LANGUAGE(a, language) == LANGUAGE(b, language)


@pytest.mark.parametrize(("language", "a", "b"), DIFFERENT)
def test_different_words_stay_different_in_their_language(language: str, a: str, b: str):
    assert LANGUAGE(a, language) != LANGUAGE(b, language)


@pytest.mark.parametrize("vowel", range(7))
@pytest.mark.parametrize("row", HOMOPHONE_ROWS)
def test_amharic_letters_of_one_sound_are_one_only_with_the_normaliser_named_for_it(row: str, vowel: int):
    letters = [chr(ord(letter) + vowel) for letter in row]
    assert len({HOMOPHONES(letter, "am") for letter in letters}) == 1
    assert len({LANGUAGE(letter, "am") for letter in letters}) == len(letters)


def test_amharic_letters_of_one_sound_stay_apart_in_tigrinya():
    assert HOMOPHONES("ሠላም", "ti") != HOMOPHONES("ሰላም", "ti")


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("፩", 1),
        ("፲", 10),
        ("፳፫", 23),
        ("፻", 100),
        ("፻፩", 101),
        ("፪፻", 200),
        ("፲፱፻፹፬", 1984),
        ("፼", 10_000),
        ("፪፼፫፻", 20_300),
    ],
)
def test_ethiopic_numerals_have_the_value_of_their_signs(numeral: str, value: int):
    assert numeral_value(numeral) == value
    assert LANGUAGE(numeral, "am") == str(value)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_normalising_twice_with_the_rules_of_a_language_changes_nothing(language: str):
    texts = [text for code, *pair in SAME for text in pair if code == language] + ["Hello, 1000 😀 ሰላም 今天"]
    for text in texts:
        once = LANGUAGE(text, language)
        assert LANGUAGE(once, language) == once


@pytest.mark.parametrize("name", sorted(NORMALISERS))
@pytest.mark.parametrize("text", ["", " ", "\u200b\ufeff", "?!…", "😀👩\u200d👩\u200d👧", "\u0301", "nan", "\ue000"])
def test_every_normaliser_takes_texts_without_words(name: str, text: str):
    for language in (None, "en", "am", "zh", "xx"):
        assert isinstance(NORMALISERS[name].apply(text, language), str)


def test_a_language_without_rules_of_its_own_has_basic_2():
    assert LANGUAGE("Ñandú, ¡sí!", "es") == find_normaliser("basic").apply("Ñandú, ¡sí!", "es")
    assert LANGUAGE("Straße", None) == "straße"


def test_the_normaliser_none_removes_nothing_but_repeated_spaces():
    counts = count_errors(["Hello,  World!"], ["hello world"], "en", find_normaliser("none"))
    assert counts.word_errors.tolist() == [2]
    assert count_errors(["Hello,  World!"], ["Hello, World!"], "en", find_normaliser("none")).cer == 0


def test_a_normaliser_is_found_by_its_name_and_by_its_version():
    assert find_normaliser("basic").id == "basic-2"
    assert find_normaliser("basic-1").id == "basic-1"
    with pytest.raises(OptionError, match="whisper-english"):
        find_normaliser("whisper")
    assert set(NEWEST) >= {"none", "basic", "language", "language-homophones", "whisper-basic", "whisper-english"}


HIDDEN = [  # language, a text, and the same with characters that cannot be seen, or in half width
    ("he", "צה״ל", "צה\u200f״\u200fל"),
    ("tr", "İstanbul'da", "İstanbul\u200b'\u00adda"),
    ("az", "Bakı’da", "Bakı\u2060’da"),
    ("ja", "スーパ〜", "スーパ\u200b〜"),
    ("ja", "スーパ〜", "ｽｰﾊﾟ〜"),
]


@pytest.mark.parametrize(("language", "plain", "hidden"), HIDDEN)
def test_characters_that_cannot_be_seen_do_not_hide_spellings_of_a_language(language, plain, hidden):
    assert LANGUAGE(hidden, language) == LANGUAGE(plain, language)


@pytest.mark.parametrize("name", list(NEWEST))
@pytest.mark.parametrize("text", ["፼" * 2000, "1" * 5000, "1,000" + ",000" * 2000, "one " * 5000, "1.5" * 3000])
def test_very_long_numbers_are_normalised(name, text):
    assert find_normaliser(name).apply(text, "am")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["whisper-basic", "whisper-english"])
@pytest.mark.parametrize("text", ["(" * 60_000, "[(" * 30_000, "<a" * 30_000, ")" + "(a" * 30_000 + "[)]"])
def test_brackets_that_are_never_closed_take_no_longer_than_other_signs(name, text):
    find_normaliser(name).apply(text, "en")


PAIRS = [  # language, reference, hypothesis, normaliser, errors in the measure that decides
    ("zh", "我们明天上午在公司门口见面", "我们明天上午在公司门口见画", "basic", 1),
    ("my", "ကျွန်တော် ရန်ကုန်ကို သွားမယ်", "ကျွန်တော်ရန်ကုန်ကိုသွားမယ်", "basic", 0),
    ("de", "Rind\u00adfleisch\u00adetikett", "Rindfleischetikett", "basic", 0),
    ("fa", "نمی\u200cدانم چرا", "نمیدانم چرا", "basic", 0),
    ("ar", "كِتَابٌ جَدِيدٌ", "كتاب جديد", "basic", 0),
    ("tr", "İzmir çok güzel", "izmir çok güzel", "basic", 0),
    ("am", "ሠላም ዓለም ፀሐይ", "ሰላም አለም ጸሀይ", "basic", 3),
    ("am", "ሠላም ዓለም ፀሐይ", "ሰላም አለም ጸሀይ", "language", 3),
    ("am", "ሠላም ዓለም ፀሐይ", "ሰላም አለም ጸሀይ", "language-homophones", 0),
    ("en", "2,500,000 words", "2500000 words", "basic", 0),
    ("he", "שלום hello 12", "שלום hello 13", "basic", 1),
    ("en", "yes 😀\u200d ", "yes", "basic", 0),
]


@pytest.mark.parametrize(("language", "reference", "hypothesis", "name", "errors"), PAIRS)
def test_pairs_that_a_reader_takes_for_the_same_text_have_no_errors(language, reference, hypothesis, name, errors):
    counts = count_errors([reference], [hypothesis], [language], find_normaliser(name))
    assert counts.errors.tolist() == [errors]
