import shutil

import pytest

from qal.errors import EvaluationError
from qal.text import phonemes
from qal.text.phonemes import distance, pronunciations, segments

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")


@needs_espeak
def test_words_are_pronounced_one_by_one_in_ipa():
    found = pronunciations(["church", "day", "church", " ", "..."], "en")
    assert found == {"church": ("t͡ʃ", "ɜː", "t͡ʃ"), "day": ("d", "e", "ɪ"), "...": ()}
    assert pronunciations(["ሰላም"], "am") == {"ሰላም": ("s", "ə", "l", "a", "m")}
    assert pronunciations([], "en") == {}


def test_marks_of_stress_and_of_another_language_are_no_phonemes():
    assert segments("(en)dʒˈæz(de)") == ("d", "ʒ", "æ", "z")


def test_similar_phonemes_are_closer_than_different_ones():
    assert distance("p", "p") == 0
    assert 0 < distance("p", "b") < distance("p", "k") < distance("p", "a") <= 1
    assert distance("p", "b") == distance("b", "p")


def test_words_are_counted_again_where_espeak_breaks_a_line(monkeypatch):
    def run(words, language):
        return [line for word in words for line in ("h a", "t")] if "long" in words else ["h a t"] * len(words)

    monkeypatch.setattr(phonemes, "_run", run)
    assert pronunciations(["hat", "long", "that"], "en") == dict.fromkeys(("hat", "long", "that"), ("h", "a", "t"))


@pytest.mark.parametrize("language", ["zh", pytest.param("yo", marks=needs_espeak)])
def test_language_that_espeak_cannot_pronounce_is_refused_in_a_sentence(language):
    with pytest.raises(EvaluationError, match=f"cannot pronounce the language '{language}'"):
        pronunciations(["a"], language)


def test_missing_espeak_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(phonemes.shutil, "which", lambda program: None)
    with pytest.raises(EvaluationError, match="install it"):
        pronunciations(["a"], "en")
