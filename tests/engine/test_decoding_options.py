"""Decoding options: each one does something, and combinations that make no sense are one clear sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from qal.audio.decode import decode
from qal.engine.catalogue import resolve
from qal.engine.constrained_decoding.phrases import MAX_PHRASES, expand
from qal.engine.constrained_decoding.scoring import Spelling, likeliest, spell
from qal.engine.decoding import (
    ADVANCED_OPTIONS,
    BASIC_OPTIONS,
    FREE_TEXT_OPTIONS,
    GREEDY,
    MAX_PROMPT_TOKENS,
    DecodingOptions,
    Tokenizer,
)
from qal.engine.engine import Engine, Transcript, Utterance
from qal.engine.longform.options import LONGFORM_DECODING
from qal.engine.longform.transcription import transcribe_file
from qal.engine.reading import Reading, ReadingRules, cut_at, read
from qal.engine.screening import ScreeningOptions, transcribe_screened
from qal.errors import OptionError
from tests.fakes import ScriptedEngine, noise, transcript


@pytest.fixture(scope="module")
def tokenizer(base_directory) -> Tokenizer:
    return Tokenizer(base_directory)


@dataclass
class RecordingModel:
    """Stands in for CTranslate2's model and records what it is called with."""

    calls: list[dict[str, Any]]
    ids: tuple[int, ...] = (440, 2159)

    n_mels = 80
    is_multilingual = True

    def encode(self, features: Any) -> Any:
        return features

    def generate(self, features: Any, prompts: Sequence[list[int]], **options: Any) -> list[Any]:
        self.calls.append({"prompts": [list(prompt) for prompt in prompts], **options})
        return [SimpleNamespace(sequences_ids=[list(self.ids)], scores=[-0.5], no_speech_prob=0.0) for _ in prompts]


@pytest.fixture
def engine(base_directory, monkeypatch) -> tuple[Engine, list[dict[str, Any]]]:
    """The engine of base whose model only records its calls."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr("qal.engine.engine.ctranslate2.models.Whisper", lambda *_, **__: RecordingModel(calls))
    return Engine(base_directory, device="cpu", compute_type="int8"), calls


def call(engine: tuple[Engine, list[dict[str, Any]]], **options: Any) -> dict[str, Any]:
    """Returns the arguments with which the model is called for one utterance of a second."""
    model, calls = engine
    model.transcribe([Utterance(noise(16_000), "en")], GREEDY.model_copy(update=options))
    return calls[-1]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("beam_size", 4, {"beam_size": 4}),
        ("patience", 2.0, {"patience": 2.0}),
        ("length_penalty", 0.5, {"length_penalty": 0.5}),
        ("repetition_penalty", 1.3, {"repetition_penalty": 1.3}),
        ("no_repeat_ngram_size", 3, {"no_repeat_ngram_size": 3}),
        ("temperature", 0.4, {"sampling_temperature": 0.4, "sampling_topk": 0, "num_hypotheses": 5}),
        ("suppress_blank", False, {"suppress_blank": False}),
        ("suppress_tokens", (11, 13), {"suppress_tokens": [11, 13]}),
        ("suppress_texts", (",",), {"suppress_tokens": [-1, 11, 3182]}),
        ("max_tokens", 7, {"max_length": 14}),
        ("tokens_per_second", 4, {"max_length": 40}),
    ],
)
def test_option_reaches_the_model(engine, name: str, value: Any, expected: dict[str, Any]):
    found = call(engine, **{name: value})
    assert {key: found[key] for key in expected} == expected
    assert {key: call(engine).get(key) for key in expected} != expected


def test_prompt_and_hot_words_stand_before_the_previous_text(engine, tokenizer):
    prompt = call(engine, prompt="Names of people.", hot_words=("Lalibela", "Aksum"))["prompts"][0]
    assert tokenizer.decode(prompt[1:]).startswith("Lalibela, Aksum Names of people.")
    assert prompt[0] == tokenizer.previous_text_start
    ids = tokenizer.previous_text_ids("said before " * 200, "Lalibela")
    assert len(ids) == 1 + MAX_PROMPT_TOKENS
    assert tokenizer.decode(ids).startswith("Lalibela")
    assert tokenizer.decode(ids).endswith("said before")


def test_prefix_begins_the_text_of_the_first_utterance_alone(engine):
    model, calls = engine
    utterances = [Utterance(noise(16_000), "en"), Utterance(noise(16_000), "en", begins_transcript=False)]
    first, second = model.transcribe(utterances, DecodingOptions(prefix="Hello there"))
    assert first.text.startswith("Hello there")
    assert not second.text.startswith("Hello there")
    assert sorted(len(c["prompts"][0]) for c in calls) == [4, 6]


def test_prefix_of_a_file_stands_at_its_first_region_alone(english_corpus):
    sound = [decode(english_corpus.folder / row.audio) for row in english_corpus.rows[:2]]
    silence = np.zeros(5 * 16_000, np.float32)
    scripted = ScriptedEngine()
    transcribe_file(scripted, np.concatenate([sound[0], silence, sound[1]]), "en")
    begins = [(u.begins_transcript, len(u.samples)) for u in scripted.utterances]
    assert [begin for begin, _ in begins].count(True) == 1


def test_second_half_of_an_utterance_does_not_begin_with_the_prefix():
    whole = Reading(Utterance(noise(32_000), "en"), transcript("one two"))
    assert [part.utterance.begins_transcript for part in cut_at(whole, [16_000], ReadingRules())] == [True, False]


def test_long_prompt_leaves_the_text_its_tokens(engine):
    found = call(engine, prompt="word " * 200, max_tokens=20)
    n = len(found["prompts"][0])
    assert min(found["max_length"] // 2, found["max_length"] - n) == 20


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0])
def test_mean_log_probability_does_not_depend_on_the_length_penalty(engine, monkeypatch, length_penalty: float):
    model, _ = engine
    total, n = -1.5, len(RecordingModel.ids)
    result = type(
        "R", (), {"sequences_ids": [[440, 2159]], "scores": [total / n**length_penalty], "no_speech_prob": 0.0}
    )
    monkeypatch.setattr(model._model, "generate", lambda *_, **__: [result()])
    options = GREEDY.model_copy(update={"length_penalty": length_penalty})
    (found,) = model.transcribe([Utterance(noise(16_000), "en")], options)
    assert found.avg_logprob == pytest.approx(total / n)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": 0.5, "beam_size": 2}, "temperature samples texts and beam_size searches them"),
        ({"patience": 2.0}, "patience belongs to beam search"),
        ({"length_penalty": 0.5}, "length_penalty belongs to beam search"),
        ({"prefix": "a", "timestamps": True}, "prefix and timestamps exclude each other"),
        ({"allowed_phrases": ("a",), "beam_size": 2}, "so that beam_size has no effect"),
        ({"allowed_phrases": ("a",), "prompt": "b"}, "so that prompt has no effect"),
    ],
)
def test_bad_combination_is_one_clear_sentence(options: dict[str, Any], message: str):
    with pytest.raises(ValidationError, match=message):
        DecodingOptions(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suppress_tokens": (60_000,)}, "60000 is not the id of a text token"),
        ({"suppress_tokens": (-2,)}, "-2 is not the id of a text token"),
        ({"suppress_texts": ("incomprehensibilities",)}, "is not one token of this model"),
        ({"prefix": "word " * 300}, "the prefix has 300 tokens; 100 is the most"),
    ],
)
def test_token_that_the_model_lacks_is_one_clear_sentence(engine, options: dict[str, Any], message: str):
    with pytest.raises(OptionError, match=message):
        call(engine, **options)


def test_every_option_is_either_basic_or_advanced():
    assert sorted([*BASIC_OPTIONS, *ADVANCED_OPTIONS]) == sorted(DecodingOptions.model_fields)
    assert set(FREE_TEXT_OPTIONS) <= set(DecodingOptions.model_fields)
    assert all(field.description for field in DecodingOptions.model_fields.values())


def test_second_chance_after_a_loop_has_no_prompt():
    loop = transcript("I will not. " * 20)
    scripted = ScriptedEngine([loop, loop])
    prompted = DecodingOptions(prompt="I will not.", hot_words=("not",))
    read(scripted, [Utterance(noise(16_000), "en")], prompted, ReadingRules())
    assert not scripted.decoding_options[-1].prompt_text
    assert scripted.decoding_options[0].prompt_text


@pytest.mark.parametrize(
    ("pattern", "phrases"),
    [
        ("yes", ("yes",)),
        ("turn (on|off) [the] light", ("turn on light", "turn on the light", "turn off light", "turn off the light")),
        ("yes | no", ("yes", "no")),
        ("a ((b|c) d|e)", ("a b d", "a c d", "a e")),
    ],
)
def test_grammar_is_expanded_to_its_phrases(pattern: str, phrases: tuple[str, ...]):
    assert expand((pattern,)) == phrases


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("turn (on", "not closed"),
        ("turn on)", "not open"),
        ("turn (on]", "not open|not closed"),
        ("[a]", "empty phrase"),
        (" ", "empty"),
        ("(a|b|c|d|e|f|g)(a|b|c|d|e|f|g)(a|b|c|d|e|f|g)", f"more than {MAX_PHRASES}"),
    ],
)
def test_wrong_grammar_is_one_clear_sentence(pattern: str, message: str):
    with pytest.raises(OptionError, match=message):
        expand((pattern,))


def test_phrase_that_begins_another_one_also_counts_its_end(tokenizer):
    spellings = spell(tokenizer, ("turn on", "turn on light"))
    beginnings = {(s.phrase, tokenizer.decode(list(s.tokens))) for s in spellings if s.is_beginning}
    assert beginnings == {(0, "turn on")}
    assert (0, "Turn on.") in {(s.phrase, tokenizer.decode(list(s.tokens))) for s in spellings}


def test_likeliest_phrase_has_the_most_probable_spellings_together(tokenizer):
    spellings = [Spelling(0, (1,), False), Spelling(1, (2,), False), Spelling(1, (3,), False)]
    choice = likeliest([[-1.0], [-1.2], [-1.2]], spellings, ("yes", "no"), tokenizer, 0.1)
    assert (choice.phrase, choice.avg_logprob, choice.no_speech_prob) == ("no", -1.2, 0.1)


def test_allowed_phrase_is_neither_halved_nor_drawn_again():
    short = Transcript("yes", "en", (1,), -0.3, 0.0, 3000)
    scripted = ScriptedEngine([short])
    options = DecodingOptions(allowed_phrases=("yes", "no"))
    assert transcribe_screened(scripted, [Utterance(noise(16_000 * 8), "en")], options, ScreeningOptions()) == [short]
    assert len(scripted.utterances) == 1


@pytest.fixture(scope="module")
def base() -> Engine:
    return Engine(resolve("base"), device="cpu")


def test_real_model_chooses_what_was_said_among_allowed_phrases(base, english_corpus):
    rows = [row for row in english_corpus.rows if 1 < row.duration_s < 3 and len(row.text.split()) > 2][:2]
    utterances = [Utterance(decode(english_corpus.folder / row.audio), "en") for row in rows]
    phrases = tuple(row.text.strip(".?! ") for row in rows)
    found = base.transcribe(utterances, DecodingOptions(allowed_phrases=(*phrases, "turn [on] light")))
    assert [t.text for t in found] == list(phrases)
    assert min(t.avg_logprob for t in found) > -2.5


def test_real_model_writes_no_suppressed_text_and_begins_with_the_prefix(base, english_corpus):
    row = next(row for row in english_corpus.rows if "please" in row.text.lower() and row.duration_s < 6)
    utterance = Utterance(decode(english_corpus.folder / row.audio), "en")
    (without,) = base.transcribe([utterance], DecodingOptions(suppress_texts=("please", "Please")))
    assert "please" not in without.text.lower()
    (prefixed,) = base.transcribe([utterance], LONGFORM_DECODING.model_copy(update={"prefix": "Well,", "words": True}))
    assert prefixed.text.startswith("Well,")
    assert prefixed.words[0].text.strip() == "Well,"


def test_prompt_and_hot_words_change_what_the_model_finds_likely(base, english_corpus):
    row = next(row for row in english_corpus.rows if "agent" in row.text.lower() and row.duration_s < 6)
    utterance = Utterance(decode(english_corpus.folder / row.audio), "en")
    (plain,) = base.transcribe([utterance])
    for options in (DecodingOptions(hot_words=("AGENT", "NUMBER")), DecodingOptions(prompt="ALL IN CAPITALS.")):
        (prompted,) = base.transcribe([utterance], options)
        assert abs(prompted.avg_logprob - plain.avg_logprob) > 1e-4
