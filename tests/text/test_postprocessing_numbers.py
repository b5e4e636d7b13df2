"""Numbers, dates and times as digits: the examples on which each language was checked."""

import pytest

from qal.text.postprocessing.edits import edit_text
from qal.text.postprocessing.numbers import GRAMMARS, NUMBERS_ONLY, number_edits

EXAMPLES = {
    "en": {
        "I have twenty five apples": "I have 25 apples",
        "It costs one hundred and fifty dollars.": "It costs $150.",
        "at nine thirty on the fifth of May.": "at 9:30 on 5 May.",
        "on march third twenty twenty six": "on March 3 2026",
        "He was born in nineteen eighty four.": "He was born in 1984.",
        "three point one four": "3.14",
        "ten percent": "10%",
        "Meet me at half past seven.": "Meet me at 7:30.",
        "two hundred thousand people": "200,000 people",
    },
    "de": {
        "ich habe fünfundzwanzig Äpfel": "ich habe 25 Äpfel",
        "es kostet hundertfünfzig Euro.": "es kostet 150 Euro.",
        "am dritten Mai zweitausendsechsundzwanzig": "am 3. Mai 2026",
        "um neun Uhr dreißig": "um 9.30 Uhr",
        "drei Komma eins vier": "3,14",
    },
    "fr": {
        "j'ai vingt-cinq pommes": "j'ai 25 pommes",
        "le trois mai deux mille vingt-six": "le 3 mai 2026",
        "à neuf heures trente": "à 9 h 30",
        "quatre-vingt-dix-neuf": "99",
        "dix pour cent": "10 %",
    },
    "es": {
        "tengo veinticinco manzanas": "tengo 25 manzanas",
        "el tres de mayo de dos mil veintiséis": "el 3 de mayo de 2026",
        "a las nueve y media": "a las 9.30",
        "tres coma catorce": "3,14",
    },
    "it": {
        "ho venticinque mele": "ho 25 mele",
        "il tre maggio duemilaventisei": "il 3 maggio 2026",
        "alle nove e trenta": "alle 9.30",
        "dieci per cento": "10%",
    },
    "ru": {
        "у меня двадцать пять яблок": "у меня 25 яблок",
        "третьего мая две тысячи двадцать шестого года": "3 мая 2026 года",
        "три целых четырнадцать сотых": "3,14",
        "в восемь часов тридцать минут": "в 8:30",
    },
    "tr": {
        "yirmi beş elmam var": "25 elmam var",
        "üç mayıs iki bin yirmi altı": "3 Mayıs 2026",
        "saat dokuz otuzda": "saat 09:30'da",
        "yüzde on": "%10",
    },
    "pt": {
        "tenho vinte e cinco maçãs": "tenho 25 maçãs",
        "três de maio de dois mil e vinte e seis": "3 de maio de 2026",
        "três vírgula catorze": "3,14",
        "dez por cento": "10 por cento",
        "terça e quarta": "terça e quarta",
        "a segunda vez, na sexta-feira": "a segunda vez, na sexta-feira",
    },
    "nl": {
        "ik heb vijfentwintig appels": "ik heb 25 appels",
        "drie mei tweeduizend zesentwintig": "3 mei 2026",
        "drie komma veertien": "3,14",
    },
}
WITHOUT_NUMBERS = {
    "en": ("one of them said to the other one", "I was second, and she was first.", "May I come in?", "two cats"),
    "de": ("ein Hund und eine Katze", "Sie acht auf das Kind", "er kam als Erster"),
    "fr": ("un chien et une chatte", "il est arrivé le premier", "il a eu un neuf"),
    "es": ("un perro y una gata", "uno de ellos", "Una vez más"),
    "it": ("un cane e una gatta", "uno di loro"),
    "ru": ("одна собака и две кошки", "один из них", "он пришёл первым"),
    "tr": ("bir gün geldi",),
    "pt": ("um cão e uma gata", "uma vez"),
    "nl": ("een hond en een kat", "de eerste keer"),
    "am": ("ሃያ አምስት",),
}


def numbered(text: str, language: str) -> str:
    return edit_text(text, number_edits(text, language))


@pytest.mark.parametrize("language", EXAMPLES)
def test_spoken_numbers_dates_and_times_are_written_as_digits(language: str):
    assert {text: numbered(text, language) for text in EXAMPLES[language]} == EXAMPLES[language]


@pytest.mark.parametrize("language", WITHOUT_NUMBERS)
def test_ordinary_words_that_may_be_numbers_stay_words(language: str):
    assert [numbered(text, language) for text in WITHOUT_NUMBERS[language]] == list(WITHOUT_NUMBERS[language])


def test_every_language_with_a_grammar_has_examples():
    assert set(EXAMPLES) == {*GRAMMARS, *NUMBERS_ONLY}
