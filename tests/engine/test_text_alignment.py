"""Times of the words of given texts, with real speech and the real base model."""

import pytest

from qal.audio.samples import seconds
from qal.engine.catalogue import resolve
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.text_alignment import align_text
from qal.evaluation.scoring import load_references


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(resolve("base-adaptive"))


@pytest.fixture(scope="module")
def spoken(english_corpus):
    (reference,) = load_references(english_corpus, [r for r in english_corpus.select("test") if r.duration_s > 2][:1])
    return reference


def test_recognised_text_gets_the_times_that_the_engine_gives_its_words(engine, spoken):
    utterance = Utterance(spoken.samples, "en")
    (transcript,) = engine.transcribe([utterance], DecodingOptions(words=True))
    found = align_text(engine, utterance, transcript.text)
    assert [word.text for word in found] == [word.text.strip() for word in transcript.words]
    assert [word.start_s for word in found] == pytest.approx([word.start_s for word in transcript.words], abs=0.05)


def test_words_of_a_reference_are_in_order_and_inside_the_recording(engine, spoken):
    words = align_text(engine, Utterance(spoken.samples, "en"), spoken.text)
    assert [word.text for word in words] == spoken.text.split()
    times = [time for word in words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[-1] <= seconds(spoken.samples) + 0.1


def test_empty_text_has_no_words(engine, spoken):
    assert align_text(engine, Utterance(spoken.samples, "en"), " ") == ()
