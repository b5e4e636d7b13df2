"""Times and probabilities of words, with real speech and the real base model."""

from types import SimpleNamespace

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, seconds
from qal.engine.catalogue import resolve
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.words import to_words
from qal.evaluation.scoring import load_references

WORDS = DecodingOptions(words=True)


@pytest.fixture(scope="module")
def spoken(english_corpus):
    return load_references(english_corpus, [r for r in english_corpus.select("test") if r.duration_s > 2][:6])


@pytest.fixture(scope="module")
def adaptive() -> Engine:
    return Engine(resolve("base-adaptive"))


def test_joined_words_equal_the_text_and_their_times_increase(spoken, adaptive):
    for reference in spoken:
        (transcript,) = adaptive.transcribe([Utterance(reference.samples, "en")], WORDS)
        assert "".join(w.text for w in transcript.words).strip() == transcript.text
        times = [t for w in transcript.words for t in (w.start_s, w.end_s)]
        assert times == sorted(times)
        assert times[-1] <= seconds(reference.samples) + 0.1
        assert all(0 < w.probability <= 1 for w in transcript.words)


def test_word_times_at_short_contexts_equal_those_at_30_s(spoken, adaptive):
    full = Engine(resolve("base-adaptive"), context="full")
    for reference in spoken:
        utterance = Utterance(reference.samples, "en")
        (short,), (long,) = adaptive.transcribe([utterance], WORDS), full.transcribe([utterance], WORDS)
        if short.text == long.text:
            differences = [abs(a.start_s - b.start_s) for a, b in zip(short.words, long.words, strict=True)]
            assert sorted(differences)[len(differences) // 2] <= 0.06


def test_batch_of_two_languages_has_the_words_of_both(spoken, russian_corpus, adaptive):
    (russian,) = load_references(russian_corpus, [r for r in russian_corpus.rows if r.duration_s > 3][:1])
    batch = [Utterance(spoken[0].samples, "en"), Utterance(russian.samples, "ru")]
    for transcript in adaptive.transcribe(batch, WORDS):
        assert "".join(w.text for w in transcript.words).strip() == transcript.text


def test_incomplete_character_is_no_word():
    splitter = SimpleNamespace(eot=0, split_to_word_tokens=lambda ids: ([" yes", "", ""], [[1], [2], [0]]))
    alignment = SimpleNamespace(alignments=[(0, 0), (1, 5), (2, 9)], text_token_probs=[0.9, 0.1])
    words = to_words(splitter, [1, 2], alignment)  # pyright: ignore[reportArgumentType]
    assert [(w.text, w.end_s) for w in words] == [(" yes", pytest.approx(0.1))]


def test_transcript_without_text_has_no_words(adaptive):
    (transcript,) = adaptive.transcribe([Utterance(one_second_of_silence(), "en")], WORDS)
    assert bool(transcript.words) == bool(transcript.text)
    assert adaptive.transcribe([Utterance(one_second_of_silence(), "en")])[0].words == ()


def one_second_of_silence():
    return np.zeros(SAMPLE_RATE, np.float32)


def test_words_of_a_translation_are_aligned_with_its_own_prompt(spoken, adaptive, monkeypatch):
    starts = []
    real = adaptive._model

    class Spy:
        def __getattr__(self, name):
            return getattr(real, name)

        def align(self, encoded, start, *arguments):
            starts.append(start)
            return real.align(encoded, start, *arguments)

    monkeypatch.setattr(adaptive, "_model", Spy())
    samples = spoken[0].samples
    adaptive.transcribe([Utterance(samples, "ru", "translate"), Utterance(samples, "ru")], WORDS)
    prompts = [adaptive.tokenizer.prompt("ru", task)[:-1] for task in ("transcribe", "translate")]
    assert sorted(starts) == sorted(prompts)
