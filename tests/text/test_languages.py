"""Language codes and names: aliases, and the way out for languages that Whisper lacks."""

import pytest

from qal.engine.languages import LANGUAGES
from qal.text.languages import (
    _NEAR_LANGUAGES,
    LANGUAGE_NAMES,
    is_whisper_language,
    missing_language_advice,
    resolve_language,
)


def test_names_are_those_of_whispers_languages():
    assert set(LANGUAGE_NAMES) == set(LANGUAGES)


@pytest.mark.parametrize("code", LANGUAGES)
def test_whispers_codes_and_names_are_themselves(code: str):
    assert resolve_language(code) == code
    assert resolve_language(code.upper()) == code
    assert resolve_language(LANGUAGE_NAMES[code].title()) == code
    assert missing_language_advice(code) == ""


@pytest.mark.parametrize(
    ("spelling", "code"),
    [
        ("nb", "no"),
        ("nb-NO", "no"),
        ("Norwegian Bokmål", "no"),
        ("nn_NO", "nn"),
        ("fil", "tl"),
        ("Filipino", "tl"),
        ("fil_ph", "tl"),
        ("zh-CN", "zh"),
        ("zh_TW", "zh"),
        ("zh-HK", "yue"),
        ("cmn_hans_cn", "zh"),
        ("yue_hant_hk", "yue"),
        ("Mandarin", "zh"),
        ("pt_BR", "pt"),
        ("Brazilian Portuguese", "pt"),
        (" Amharic ", "am"),
        ("amh", "am"),
        ("am_et", "am"),
        ("eng", "en"),
        ("en-US", "en"),
        ("ger", "de"),
        ("deu", "de"),
        ("iw", "he"),
        ("jv", "jw"),
        ("jav", "jw"),
        ("sr-Latn-RS", "sr"),
        ("es-419", "es"),
        ("Haitian Creole", "ht"),
        ("haitian-creole", "ht"),
        ("farsi", "fa"),
        ("swh", "sw"),
    ],
)
def test_other_spellings_are_mapped_to_whispers_code(spelling: str, code: str):
    assert resolve_language(spelling) == code


@pytest.mark.parametrize(("spelling", "code"), [("ti", "ti"), ("tir", "ti"), ("Tigrinya", "ti"), ("kmr", "ku")])
def test_language_that_whisper_lacks_keeps_its_own_code(spelling: str, code: str):
    assert resolve_language(spelling) == code
    assert not is_whisper_language(code)


def test_way_out_names_a_near_language_of_whisper():
    assert "--language am: Amharic is near" in missing_language_advice("ti")
    assert "--language" in missing_language_advice("qqq")


def test_every_near_language_is_one_of_whisper_and_lacks_itself():
    assert {near for _, near, _ in _NEAR_LANGUAGES.values()} <= set(LANGUAGES)
    assert not set(_NEAR_LANGUAGES) & set(LANGUAGES)


@pytest.mark.parametrize("word", ["", "klingon", "x", "???", "the language"])
def test_word_that_is_no_language_is_not_guessed(word: str):
    assert resolve_language(word) is None
