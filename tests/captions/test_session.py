from dataclasses import replace

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW
from qal.captions.captioner import Captioner
from qal.captions.session import Caption, CaptionSession, SessionOptions
from qal.engine.engine import Transcript
from qal.engine.words import Word
from tests.fakes import ScriptedEngine, ScriptedVad, noise, transcript, windows

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
WINDOW_S = VAD_WINDOW / SAMPLE_RATE
ONE_PHRASE = windows((5, 0), (80, 0.9), (9, 0))
TWO_PHRASES = ONE_PHRASE + windows((40, 0.9), (9, 0))
NO_TENTATIVES = SessionOptions(tentative_every_s=0, speculate=False)
EVERY_SECOND = SessionOptions(tentative_every_s=1, speculate=False)


def session(script: list[float], engine: ScriptedEngine, **options) -> Captioner:
    return Captioner(
        engine, **{"language": "en", "gate": GATE, "options": EVERY_SECOND, "vad": ScriptedVad(script), **options}
    )


def sound(script: list[float]) -> Samples:
    return noise(len(script) * VAD_WINDOW)


def played(to: Captioner, samples: Samples, chunk: int = VAD_WINDOW) -> list[Caption]:
    captions = [c for i in range(0, len(samples), chunk) for c in to.feed(samples[i : i + chunk])]
    return captions + to.flush()


def finals(captions: list[Caption]) -> list[Caption]:
    return [c for c in captions if c.final and c.text]


@pytest.mark.parametrize("chunk", [7, 160, 512, 4096])
@pytest.mark.parametrize("script", [TWO_PHRASES, windows((3, 0), (100, 0.9)), windows((700, 0.9), (20, 0))])
def test_final_captions_do_not_depend_on_chunk_size(script: list[float], chunk: int):
    samples = sound(script)
    whole = played(session(script, ScriptedEngine(), options=NO_TENTATIVES), samples, len(samples))
    assert finals(whole)
    assert finals(played(session(script, ScriptedEngine()), samples, chunk)) == finals(whole)


def test_captions_are_timed_by_their_speech():
    first, second = finals(played(session(TWO_PHRASES, ScriptedEngine()), sound(TWO_PHRASES)))
    assert (first.start_s, first.end_s) == pytest.approx((5 * WINDOW_S, 85 * WINDOW_S))
    assert (second.start_s, second.end_s) == pytest.approx((94 * WINDOW_S, 134 * WINDOW_S))


def test_tentatives_come_before_the_final_of_the_same_index_and_not_after():
    captions = played(session(TWO_PHRASES, ScriptedEngine()), sound(TWO_PHRASES))
    assert [(c.index, c.final) for c in captions] == [(0, False), (0, False), (0, True), (1, False), (1, True)]


def test_a_tentative_is_made_for_each_so_much_of_new_speech():
    engine = ScriptedEngine()
    options = SessionOptions(tentative_every_s=16 * WINDOW_S, speculate=False)
    captions = played(session(ONE_PHRASE, engine, options=options), sound(ONE_PHRASE))
    assert [c.final for c in captions] == [False] * 5 + [True]
    assert [round((c.end_s - c.start_s) / WINDOW_S) for c in captions] == [16, 32, 48, 64, 80, 80]


def test_no_tentative_is_decoded_once_the_final_is_there():
    engine = ScriptedEngine()
    captions = session(ONE_PHRASE, engine).feed(sound(ONE_PHRASE))
    assert [c.final for c in captions] == [True]
    assert len(engine.heard) == 1


def test_a_given_language_is_what_the_engine_hears():
    engine = ScriptedEngine(detects="ru")
    spoken = session(TWO_PHRASES, engine, language="am")
    played(spoken, sound(TWO_PHRASES))
    assert {u.language for u in engine.heard} == {"am"}
    assert spoken.language == "am"


def test_a_detected_language_is_held():
    engine = ScriptedEngine(detects="ru")
    spoken = session(TWO_PHRASES, engine, language=None, options=NO_TENTATIVES)
    played(spoken, sound(TWO_PHRASES))
    assert [u.language for u in engine.heard] == [None, "ru"]
    assert spoken.language == "ru"


@pytest.mark.parametrize("first", [windows((10, 0.9), (9, 0)), windows((80, 0.9), (9, 0))], ids=["short", "invented"])
def test_a_language_is_not_held_from_a_word_or_from_an_invention(first: list[float]):
    invented = [transcript("", "nn")] if len(first) > 80 else []
    engine = ScriptedEngine(script=list(invented), detects="en")
    spoken = session(first + windows((80, 0.9), (9, 0)), engine, language=None, options=NO_TENTATIVES)
    spoken.feed(noise(len(first) * VAD_WINDOW))
    assert spoken.language is None
    spoken.feed(noise(89 * VAD_WINDOW))
    assert spoken.language == "en"


INVENTIONS = [
    transcript(""),
    transcript("Thank you for watching!", avg_logprob=-1.2, no_speech_prob=0.8),
    transcript("Ħ ŋ ʒ", avg_logprob=-2.6),
]


@pytest.mark.parametrize("invention", INVENTIONS)
def test_inventions_are_not_shown(invention: Transcript):
    engine = ScriptedEngine(script=[invention])
    captions = played(session(TWO_PHRASES, engine, options=NO_TENTATIVES), sound(TWO_PHRASES))
    assert [c.index for c in captions] == [1]


def test_a_tentative_that_turns_out_to_be_an_invention_is_taken_back():
    engine = ScriptedEngine(script=[transcript("Thank"), transcript("Thank you"), INVENTIONS[1]])
    captions = played(session(ONE_PHRASE, engine), sound(ONE_PHRASE))
    assert [(c.text, c.final) for c in captions] == [("Thank", False), ("Thank you", False), ("", True)]
    assert {c.index for c in captions} == {0}


def test_the_end_of_the_stream_ends_the_last_caption():
    script = windows((5, 0), (20, 0.9))
    spoken = session(script, ScriptedEngine())
    assert spoken.feed(sound(script)) == []
    (last,) = spoken.flush()
    assert last.final


def test_silence_and_nothing_give_nothing():
    spoken = Captioner(ScriptedEngine(), "en")
    assert spoken.feed(np.zeros(0, np.float32)) == []
    assert spoken.feed(np.zeros(5 * SAMPLE_RATE, np.float32)) == []
    assert spoken.flush() == []


def test_the_meter_shows_the_last_window():
    spoken = session(windows((1, 0), (9, 0.9)), ScriptedEngine())
    spoken.feed(np.zeros(VAD_WINDOW, np.float32))
    assert (spoken.level.rms, spoken.level.speech_probability, spoken.level.gate_open) == (0, 0, False)
    spoken.feed(np.full(VAD_WINDOW, 0.5, np.float32))
    assert (spoken.level.rms, spoken.level.speech_probability) == (0.5, pytest.approx(0.9))
    assert spoken.level.gate_open


SPECULATING = SessionOptions(tentative_every_s=0)


@pytest.mark.parametrize("chunk", [160, 512, 1600, 4096])
@pytest.mark.parametrize("script", [TWO_PHRASES, windows((3, 0), (40, 0.9), (2, 0), (40, 0.9), (20, 0))])
def test_speculation_changes_no_final_caption(script: list[float], chunk: int):
    plain = played(session(script, ScriptedEngine(), options=NO_TENTATIVES), sound(script), chunk)
    assert finals(played(session(script, ScriptedEngine(), options=SPECULATING), sound(script), chunk)) == finals(plain)


def test_a_segment_is_read_when_silence_begins_and_not_again_when_the_gate_closes():
    engine = ScriptedEngine()
    spoken = session(ONE_PHRASE, engine, options=SPECULATING)
    samples = sound(ONE_PHRASE)
    before, after = samples[: 87 * VAD_WINDOW], samples[87 * VAD_WINDOW :]  # 85 windows until the end of speech
    (tentative,) = [c for i in range(0, len(before), 512) for c in spoken.feed(before[i : i + 512])]
    assert not tentative.final
    assert len(engine.heard) == 1
    (final,) = [c for i in range(0, len(after), 512) for c in spoken.feed(after[i : i + 512])]
    assert (final.final, final.text) == (True, tentative.text)
    assert len(engine.heard) == 1


def test_a_speaker_who_goes_on_is_read_again():
    script = windows((40, 0.9), (2, 0), (40, 0.9), (9, 0))
    engine = ScriptedEngine()
    captions = played(session(script, engine, options=SPECULATING), sound(script))
    assert [c.final for c in captions] == [False, False, True]
    assert len(engine.heard) == 2


def test_final_words_are_timed_in_the_stream():
    words = (Word(" Yes", 0.1, 0.4, 0.9),)
    engine = ScriptedEngine(script=[replace(transcript("Yes"), words=words)])
    (final,) = finals(played(session(ONE_PHRASE, engine, options=SPECULATING), sound(ONE_PHRASE)))
    start_s = (5 - 2) * WINDOW_S  # two windows of pre-roll
    (word,) = final.words
    assert (word.start_s, word.end_s) == pytest.approx((start_s + 0.1, start_s + 0.4))
    assert [o.words for o in engine.asked] == [True]


def test_the_model_is_told_what_may_be_said_and_what_was_said_before():
    engine = ScriptedEngine(script=[transcript("We meet Ada."), transcript("She waits.")])
    options = SessionOptions(mode="single", expect="Ada Lovelace", previous_text=True)
    played(session(TWO_PHRASES, engine, options=options), sound(TWO_PHRASES))
    assert [u.before for u in engine.heard] == ["Ada Lovelace", "Ada Lovelace We meet Ada."]


def test_a_loop_is_not_carried_along():
    engine = ScriptedEngine(script=[transcript("No. No. No."), transcript("She waits.")])
    options = SessionOptions(mode="single", previous_text=True)
    played(session(TWO_PHRASES, engine, options=options), sound(TWO_PHRASES))
    assert [u.before for u in engine.heard] == ["", ""]


def test_in_a_single_pass_each_line_is_read_once():
    engine = ScriptedEngine()
    made = played(session(TWO_PHRASES, engine, options=SessionOptions(mode="single")), sound(TWO_PHRASES), chunk=1600)
    assert len(engine.heard) == len(made) == 2
    assert finals(made) == finals(played(session(TWO_PHRASES, ScriptedEngine()), sound(TWO_PHRASES)))


@pytest.mark.parametrize(("task", "language", "expected"), [("transcribe", None, "ru"), ("translate", "ru", None)])
def test_a_final_says_the_language_of_what_was_said_and_a_translation_says_none(task, language, expected):
    spoken = CaptionSession(language, GATE, NO_TENTATIVES, ScriptedVad(ONE_PHRASE), task)
    (request,) = spoken.feed(sound(ONE_PHRASE))[1]
    (final,) = spoken.answer(request, transcript("Да", "ru"))
    assert final.language == expected
