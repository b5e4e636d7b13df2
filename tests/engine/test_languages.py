"""Detection of the language of an utterance: when the held language is kept, and when it changes."""

import pytest

from qal.engine.languages import HeldLanguage, LanguageDetection, check_languages
from qal.errors import LanguageError

RUSSIAN = (("ru", 0.97), ("en", 0.01), ("uk", 0.02))
PERHAPS_ENGLISH = (("en", 0.5), ("ru", 0.3), ("uk", 0.2))
LIKELY_ENGLISH = (("en", 0.85), ("nl", 0.1), ("ru", 0.05))
CERTAIN_ENGLISH = (("en", 0.98), ("nl", 0.015), ("ru", 0.005))


def languages_of(rankings: list[tuple[tuple[str, float], ...]], held: HeldLanguage) -> list[str]:
    """Returns the languages in which utterances with these probabilities are decoded."""
    languages = []
    for ranking in rankings:
        language, detection = held.next_utterance(can_change=True)
        detected = detection.decide(ranking)
        languages.append(language or detected.language)
        held.add(languages[-1], None if language else detected.other)
    return languages


def test_first_language_is_the_most_likely_one():
    assert languages_of([PERHAPS_ENGLISH], HeldLanguage()) == ["en"]


@pytest.mark.parametrize("ranking", [RUSSIAN, PERHAPS_ENGLISH, (("en", 0.6), ("nl", 0.39), ("ru", 0.01))])
def test_held_language_is_kept_unless_another_is_likely_and_it_is_unlikely(ranking: tuple[tuple[str, float], ...]):
    assert languages_of([RUSSIAN, *[ranking] * 3], HeldLanguage()) == ["ru"] * 4


def test_language_changes_at_the_second_of_two_likely_lines():
    held = HeldLanguage()
    assert languages_of([RUSSIAN, LIKELY_ENGLISH, LIKELY_ENGLISH, PERHAPS_ENGLISH], held) == ["ru", "ru", "en", "en"]
    assert held.language == "en"


def test_single_line_in_another_language_does_not_change_the_held_one():
    held = HeldLanguage()
    assert languages_of([RUSSIAN, LIKELY_ENGLISH, RUSSIAN, LIKELY_ENGLISH, RUSSIAN], held) == ["ru"] * 5
    assert held.language == "ru"


def test_certain_line_is_in_its_own_language_though_the_held_one_stays():
    held = HeldLanguage()
    assert languages_of([RUSSIAN, CERTAIN_ENGLISH, PERHAPS_ENGLISH], held) == ["ru", "en", "ru"]
    assert held.language == "ru"


def test_chosen_language_never_changes():
    assert languages_of([CERTAIN_ENGLISH] * 4, HeldLanguage("ru")) == ["ru"] * 4


def test_detection_chooses_among_the_given_languages():
    held = HeldLanguage(among=("ru", "nl"))
    assert languages_of([LIKELY_ENGLISH, RUSSIAN, RUSSIAN], held) == ["nl", "ru", "ru"]


def test_only_given_language_is_as_if_it_were_chosen():
    held = HeldLanguage(among=("ru",))
    assert held.next_utterance(can_change=True).language == "ru"
    assert languages_of([CERTAIN_ENGLISH] * 3, held) == ["ru"] * 3


def test_probabilities_count_among_the_given_languages_only():
    ranking = (("uk", 0.6), ("ru", 0.38), ("en", 0.02))
    assert LanguageDetection(held="en", among=("en", "ru")).decide(ranking)[:2] == ("ru", "ru")
    assert LanguageDetection(held="en").decide(ranking)[:2] == ("en", None)


def test_language_is_not_detected_anew_where_it_cannot_change():
    held = HeldLanguage()
    assert held.next_utterance(can_change=False).language is None
    held.add("ru", None)
    assert held.next_utterance(can_change=False).language == "ru"
    assert held.next_utterance(can_change=True).language is None


def test_unknown_language_is_an_error():
    with pytest.raises(LanguageError, match="no language 'xx'"):
        check_languages(("en", "xx"), ("en", "ru"))


def test_language_that_whisper_lacks_is_an_error_that_names_a_near_one():
    with pytest.raises(LanguageError, match="train it with --language am"):
        check_languages(("ti",))
    with pytest.raises(LanguageError, match="no language 'nb'; write no"):
        check_languages(("nb",))
