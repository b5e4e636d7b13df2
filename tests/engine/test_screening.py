"""Screening with a scripted engine: loops, hallucinations, and retries at temperatures."""

from dataclasses import replace

import pytest

from qal.engine.decoding import GREEDY
from qal.engine.engine import Transcript, Utterance
from qal.engine.reading import Reading
from qal.engine.screening import ScreeningOptions, compression_ratio, is_hallucination, transcribe_screened
from tests.fakes import ScriptedEngine, noise, transcript

LOOP = "I will not. " * 20


def looping() -> Transcript:
    """A loop that ran to the token limit."""
    return replace(transcript(LOOP), is_cut=True, tokens=tuple(range(GREEDY.max_tokens)))


def reading(transcript: Transcript, speech_probability: float = 1.0) -> Reading:
    return Reading(Utterance(noise(100), speech_probability=speech_probability), transcript)


SENTENCES = [
    "All of our representatives are currently busy. Please stay on the line and your call will be answered.",
    "Чтобы прослушать сообщение ещё раз, нажмите пять; чтобы перейти к следующему сообщению, нажмите шесть.",
    "ሰላም ለሁላችሁም፤ ዛሬ ስለ አየር ሁኔታ እንነጋገራለን።",
    "No, no, no.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_ordinary_text_is_no_loop(sentence: str):
    assert compression_ratio(sentence) < ScreeningOptions().max_compression < compression_ratio(LOOP)


@pytest.mark.parametrize(
    ("avg_logprob", "no_speech_prob", "hallucination"),
    [(-0.3, 0.9, False), (-1.5, 0.1, False), (-1.5, 0.9, True), (-2.6, 0.1, True)],
)
def test_text_is_dropped_for_doubtful_speech_or_very_low_logprob(
    avg_logprob: float, no_speech_prob: float, hallucination: bool
):
    unlikely = transcript("Hello.", avg_logprob=avg_logprob, no_speech_prob=no_speech_prob)
    assert is_hallucination(reading(unlikely), ScreeningOptions()) == hallucination


def test_loop_is_decoded_again_without_repetitions():
    engine = ScriptedEngine(script=[transcript("Yes."), looping(), transcript("I will not.")])
    results = transcribe_screened(engine, [Utterance(noise(100)), Utterance(noise(200))], GREEDY, ScreeningOptions())
    assert [t.text if t else None for t in results] == ["Yes.", "I will not."]
    assert [len(u.samples) for u in engine.utterances] == [100, 200, 200]
    assert [o.no_repeat_ngram_size for o in engine.decoding_options] == [0, 0, 3]


def test_second_text_of_a_loop_must_be_likely():
    engine = ScriptedEngine(script=[looping(), transcript("N-N-N", avg_logprob=-1.9)])
    assert transcribe_screened(engine, [Utterance(noise(100))], GREEDY, ScreeningOptions(temperatures=())) == [None]


def test_loop_that_remains_a_loop_is_dropped():
    engine = ScriptedEngine(script=[looping()] * 4)
    assert transcribe_screened(engine, [Utterance(noise(100))], GREEDY, ScreeningOptions()) == [None]


def test_loop_is_decoded_again_without_previous_text():
    engine = ScriptedEngine(script=[looping(), transcript("I will not.")])
    transcribe_screened(engine, [Utterance(noise(100), previous_text="I will not.")], GREEDY, ScreeningOptions())
    assert [u.previous_text for u in engine.utterances] == ["I will not.", ""]


def test_loop_is_decoded_once_more_and_not_at_temperatures():
    engine = ScriptedEngine(script=[looping()] * 9)
    assert transcribe_screened(engine, [Utterance(noise(100))], GREEDY, ScreeningOptions()) == [None]
    assert [o.temperature for o in engine.decoding_options] == [0, 0]


def test_certain_speech_is_decoded_at_temperatures_until_the_text_is_likely():
    unlikely, likely = transcript("Blub.", avg_logprob=-3.0), transcript("Blue.", avg_logprob=-0.9)
    engine = ScriptedEngine(script=[unlikely, unlikely, likely])
    (result,) = transcribe_screened(
        engine, [Utterance(noise(100))], GREEDY, ScreeningOptions(temperatures=(0.2, 0.6, 1.0))
    )
    assert result == likely
    assert [o.temperature for o in engine.decoding_options] == [0, 0.2, 0.6]


@pytest.mark.parametrize(("speech_probability", "no_speech_prob"), [(0.9, 0.1), (1.0, 0.7)])
def test_uncertain_speech_is_not_decoded_at_temperatures(speech_probability: float, no_speech_prob: float):
    unlikely = transcript("Oh.", avg_logprob=-3.0, no_speech_prob=no_speech_prob)
    engine = ScriptedEngine(script=[unlikely])
    utterance = Utterance(noise(100), speech_probability=speech_probability)
    assert transcribe_screened(engine, [utterance], GREEDY, ScreeningOptions()) == [None]
    assert len(engine.utterances) == 1


@pytest.mark.parametrize(("avg_logprob", "hallucination"), [(-0.6, False), (-0.8, True)])
def test_text_must_be_likely_if_the_vad_is_uncertain(avg_logprob: float, hallucination: bool):
    unlikely = transcript("Oh.", avg_logprob=avg_logprob)
    assert is_hallucination(reading(unlikely, speech_probability=0.9), ScreeningOptions()) == hallucination
