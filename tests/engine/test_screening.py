import pytest

from qal.engine.decoding import GREEDY
from qal.engine.engine import Utterance
from qal.engine.screening import ScreeningOptions, compression, is_invented, screened
from tests.fakes import ScriptedEngine, noise, transcript

LOOP = "I will not. " * 20
SENTENCES = [
    "All of our representatives are currently busy. Please stay on the line and your call will be answered.",
    "Чтобы прослушать сообщение ещё раз, нажмите пять; чтобы перейти к следующему сообщению, нажмите шесть.",
    "ሰላም ለሁላችሁም፤ ዛሬ ስለ አየር ሁኔታ እንነጋገራለን።",
    "No, no, no.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_ordinary_text_is_no_loop(sentence: str):
    assert compression(sentence) < ScreeningOptions().max_compression < compression(LOOP)


@pytest.mark.parametrize(
    ("avg_logprob", "no_speech_prob", "invented"),
    [(-0.3, 0.9, False), (-1.5, 0.1, False), (-1.5, 0.9, True), (-2.6, 0.1, True)],
)
def test_only_doubt_on_both_sides_or_no_hope_is_invention(avg_logprob: float, no_speech_prob: float, invented: bool):
    heard = transcript("Hello.", avg_logprob=avg_logprob, no_speech_prob=no_speech_prob)
    assert is_invented(heard, ScreeningOptions()) == invented


def test_a_loop_is_decoded_once_more_without_repetitions():
    engine = ScriptedEngine(script=[transcript("Yes."), transcript(LOOP), transcript("I will not.")])
    found = screened(engine, [Utterance(noise(100)), Utterance(noise(200))], GREEDY, ScreeningOptions())
    assert [t.text if t else None for t in found] == ["Yes.", "I will not."]
    assert [len(u.samples) for u in engine.heard] == [100, 200, 200]
    assert [o.no_repeat_ngram_size for o in engine.asked] == [0, 0, 3]


def test_the_second_reading_of_a_loop_must_be_likely():
    engine = ScriptedEngine(script=[transcript(LOOP), transcript("N-N-N", avg_logprob=-1.9)])
    assert screened(engine, [Utterance(noise(100))], GREEDY, ScreeningOptions(temperatures=())) == [None]


def test_a_loop_that_stays_one_is_left_out():
    engine = ScriptedEngine(script=[transcript(LOOP)] * 4)
    assert screened(engine, [Utterance(noise(100))], GREEDY, ScreeningOptions()) == [None]


def test_a_loop_is_never_fed_by_the_text_before_it():
    engine = ScriptedEngine(script=[transcript(LOOP), transcript(LOOP), transcript("I will not.")])
    screened(engine, [Utterance(noise(100), before="I will not.")], GREEDY, ScreeningOptions())
    assert [u.before for u in engine.heard] == ["I will not.", "", ""]


def test_sure_speech_that_is_not_believed_is_drawn_until_it_is_likely():
    unlikely, likely = transcript("Blub.", avg_logprob=-3.0), transcript("Blue.", avg_logprob=-0.9)
    engine = ScriptedEngine(script=[unlikely, unlikely, likely])
    (found,) = screened(engine, [Utterance(noise(100))], GREEDY, ScreeningOptions(temperatures=(0.2, 0.6, 1.0)))
    assert found == likely
    assert [o.temperature for o in engine.asked] == [0, 0.2, 0.6]


@pytest.mark.parametrize(("speech_probability", "no_speech_prob"), [(0.9, 0.1), (1.0, 0.7)])
def test_where_speech_is_not_sure_nothing_is_drawn(speech_probability: float, no_speech_prob: float):
    heard = transcript("Oh.", avg_logprob=-3.0, no_speech_prob=no_speech_prob)
    engine = ScriptedEngine(script=[heard])
    utterance = Utterance(noise(100), speech_probability=speech_probability)
    assert screened(engine, [utterance], GREEDY, ScreeningOptions()) == [None]
    assert len(engine.heard) == 1


@pytest.mark.parametrize(("avg_logprob", "invented"), [(-0.6, False), (-0.8, True)])
def test_where_the_vad_was_never_sure_text_must_be_likely(avg_logprob: float, invented: bool):
    heard = transcript("Oh.", avg_logprob=avg_logprob)
    assert is_invented(heard, ScreeningOptions(), speech_probability=0.9) == invented
