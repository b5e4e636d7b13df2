from dataclasses import replace

import numpy as np
import pytest

from qal.audio.gate import GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW
from qal.captions.captioner import Captioner
from qal.captions.final_captions import Caption
from qal.captions.options import SessionOptions
from qal.captions.session import CaptionSession, RequestKind
from qal.engine.engine import Transcript
from qal.engine.words import Word
from tests.fakes import ListeningEngine, ScriptedEngine, ScriptedVad, noise, transcript, vad_probabilities

GATE = GateOptions(pre_roll_ms=64, post_roll_ms=32, min_speech_ms=64, hang_over_ms=128)
WINDOW_S = VAD_WINDOW / SAMPLE_RATE
ONE_PHRASE = vad_probabilities((5, 0), (80, 0.9), (9, 0))
TWO_PHRASES = ONE_PHRASE + vad_probabilities((40, 0.9), (9, 0))
NO_TENTATIVES = SessionOptions(tentative_every_s=0, speculate=False)
EVERY_SECOND = SessionOptions(tentative_every_s=1, speculate=False)


def new_captioner(probabilities: list[float], engine: ScriptedEngine, **options) -> Captioner:
    defaults = {"language": "en", "gate": GATE, "options": EVERY_SECOND, "vad": ScriptedVad(probabilities)}
    return Captioner(engine, **{**defaults, **options})


def samples_for(probabilities: list[float]) -> Samples:
    return noise(len(probabilities) * VAD_WINDOW)


def play(captioner: Captioner, samples: Samples, chunk: int = VAD_WINDOW) -> list[Caption]:
    captions = [c for i in range(0, len(samples), chunk) for c in captioner.feed(samples[i : i + chunk])]
    return captions + captioner.flush()


def finals(captions: list[Caption]) -> list[Caption]:
    return [c for c in captions if c.final and c.text]


@pytest.mark.parametrize("chunk", [7, 160, 512, 4096])
@pytest.mark.parametrize(
    "probabilities", [TWO_PHRASES, vad_probabilities((3, 0), (100, 0.9)), vad_probabilities((700, 0.9), (20, 0))]
)
def test_final_captions_do_not_depend_on_chunk_size(probabilities: list[float], chunk: int):
    samples = samples_for(probabilities)
    at_once = play(new_captioner(probabilities, ScriptedEngine(), options=NO_TENTATIVES), samples, len(samples))
    assert finals(at_once)
    assert finals(play(new_captioner(probabilities, ScriptedEngine()), samples, chunk)) == finals(at_once)


def test_captions_are_timed_by_their_speech():
    first, second = finals(play(new_captioner(TWO_PHRASES, ScriptedEngine()), samples_for(TWO_PHRASES)))
    assert (first.start_s, first.end_s) == pytest.approx((5 * WINDOW_S, 85 * WINDOW_S))
    assert (second.start_s, second.end_s) == pytest.approx((94 * WINDOW_S, 134 * WINDOW_S))


def test_tentative_captions_come_before_the_final_caption_of_their_index():
    captions = play(new_captioner(TWO_PHRASES, ScriptedEngine()), samples_for(TWO_PHRASES))
    assert [(c.index, c.final) for c in captions] == [(0, False), (0, False), (0, True), (1, False), (1, True)]


def test_tentative_caption_is_updated_after_each_interval_of_new_speech():
    engine = ScriptedEngine()
    options = SessionOptions(tentative_every_s=16 * WINDOW_S, speculate=False)
    captions = play(new_captioner(ONE_PHRASE, engine, options=options), samples_for(ONE_PHRASE))
    assert [c.final for c in captions] == [False] * 5 + [True]
    assert [round((c.end_s - c.start_s) / WINDOW_S) for c in captions] == [16, 32, 48, 64, 80, 80]


def test_no_tentative_request_is_transcribed_after_the_final_caption():
    engine = ScriptedEngine()
    captions = new_captioner(ONE_PHRASE, engine).feed(samples_for(ONE_PHRASE))
    assert [c.final for c in captions] == [True]
    assert len(engine.utterances) == 1


def test_given_language_is_passed_to_the_engine():
    engine = ScriptedEngine(detected_language="ru")
    captioner = new_captioner(TWO_PHRASES, engine, language="am")
    play(captioner, samples_for(TWO_PHRASES))
    assert {u.language for u in engine.utterances} == {"am"}
    assert captioner.language == "am"


LINE = vad_probabilities((80, 0.9), (9, 0))


def languages_of_lines(lines: list[list[float]], engine: ScriptedEngine, **options) -> list[str | None]:
    """Returns the languages of the final captions of successive lines; the language is detected."""
    probabilities = [p for line in lines for p in line]
    session_options = NO_TENTATIVES.model_copy(update=options)
    captioner = new_captioner(probabilities, engine, language=None, options=session_options)
    return [caption.language for caption in finals(play(captioner, samples_for(probabilities)))]


def test_detected_language_is_held():
    engine = ScriptedEngine(detected_language="ru")
    captioner = new_captioner(TWO_PHRASES, engine, language=None, options=NO_TENTATIVES)
    play(captioner, samples_for(TWO_PHRASES))
    assert [u.detection.held for u in engine.utterances] == [None, "ru"]
    assert captioner.language == "ru"


@pytest.mark.parametrize(("first", "then"), [("ru", "en"), ("en", "ru")])
def test_stream_that_goes_on_in_another_language_is_right_from_its_second_line(first: str, then: str):
    engine = ListeningEngine(spoken=[first, then, then, then])
    assert languages_of_lines([LINE] * 4, engine) == [first, first, then, then]


def test_single_line_in_another_language_does_not_change_the_language():
    engine = ListeningEngine(spoken=["ru", "en", "ru", "en", "ru"])
    assert languages_of_lines([LINE] * 5, engine) == ["ru"] * 5


def test_short_line_neither_changes_nor_confirms_another_language():
    short = vad_probabilities((10, 0.9), (9, 0))
    engine = ListeningEngine(spoken=["ru", "en", "en"])
    assert languages_of_lines([LINE, LINE, short, LINE], engine) == ["ru", "ru", "ru", "en"]
    assert engine.utterances[2].language == "ru"


def test_languages_option_restricts_the_detection():
    engine = ListeningEngine(spoken=["ru", "en"])
    languages_of_lines([LINE, LINE], engine, languages=("ru", "en"))
    assert {u.detection.among for u in engine.utterances} == {("ru", "en")}


def test_tentative_text_is_in_the_held_language_without_detection():
    engine = ListeningEngine(spoken=["ru", "en"])
    probabilities = LINE + LINE
    captioner = new_captioner(probabilities, engine, language=None, options=NO_TENTATIVES)
    captioner.feed(noise(len(LINE) * VAD_WINDOW))
    session = captioner.session
    session.options = EVERY_SECOND
    requests = session.feed(noise(60 * VAD_WINDOW)).requests
    assert [session.utterance(r).language for r in requests if r.kind is RequestKind.TENTATIVE] == ["ru"]


SHORT, HALLUCINATED = vad_probabilities((10, 0.9), (9, 0)), vad_probabilities((80, 0.9), (9, 0))


@pytest.mark.parametrize("first", [SHORT, HALLUCINATED], ids=["short", "hallucinated"])
def test_language_of_a_short_or_hallucinated_segment_is_not_held(first: list[float]):
    hallucinations = [transcript("", "nn")] if len(first) > 80 else []
    engine = ScriptedEngine(script=list(hallucinations), detected_language="en")
    captioner = new_captioner(
        first + vad_probabilities((80, 0.9), (9, 0)), engine, language=None, options=NO_TENTATIVES
    )
    captioner.feed(noise(len(first) * VAD_WINDOW))
    assert captioner.language is None
    captioner.feed(noise(89 * VAD_WINDOW))
    assert captioner.language == "en"


HALLUCINATIONS = [
    transcript(""),
    transcript("Thank you for watching!", avg_logprob=-1.2, no_speech_prob=0.8),
    transcript("Ħ ŋ ʒ", avg_logprob=-2.6),
]


@pytest.mark.parametrize("hallucination", HALLUCINATIONS)
def test_hallucinations_are_not_captioned(hallucination: Transcript):
    engine = ScriptedEngine(script=[hallucination])
    captions = play(new_captioner(TWO_PHRASES, engine, options=NO_TENTATIVES), samples_for(TWO_PHRASES))
    assert [c.index for c in captions] == [1]


def test_empty_final_caption_removes_a_hallucinated_tentative_one():
    engine = ScriptedEngine(script=[transcript("Thank"), transcript("Thank you"), HALLUCINATIONS[1]])
    captions = play(new_captioner(ONE_PHRASE, engine), samples_for(ONE_PHRASE))
    assert [(c.text, c.final) for c in captions] == [("Thank", False), ("Thank you", False), ("", True)]
    assert {c.index for c in captions} == {0}


def test_flush_makes_the_last_caption_final():
    probabilities = vad_probabilities((5, 0), (20, 0.9))
    captioner = new_captioner(probabilities, ScriptedEngine())
    assert captioner.feed(samples_for(probabilities)) == []
    (last,) = captioner.flush()
    assert last.final


def test_silence_and_empty_input_give_no_captions():
    captioner = Captioner(ScriptedEngine(), "en")
    assert captioner.feed(np.zeros(0, np.float32)) == []
    assert captioner.feed(np.zeros(5 * SAMPLE_RATE, np.float32)) == []
    assert captioner.flush() == []


def test_input_level_describes_the_last_vad_window():
    captioner = new_captioner(vad_probabilities((1, 0), (9, 0.9)), ScriptedEngine())
    captioner.feed(np.zeros(VAD_WINDOW, np.float32))
    assert (captioner.level.rms, captioner.level.speech_probability, captioner.level.gate_open) == (0, 0, False)
    captioner.feed(np.full(VAD_WINDOW, 0.5, np.float32))
    assert (captioner.level.rms, captioner.level.speech_probability) == (0.5, pytest.approx(0.9))
    assert captioner.level.gate_open


SPECULATING = SessionOptions(tentative_every_s=0)


@pytest.mark.parametrize("chunk", [160, 512, 1600, 4096])
@pytest.mark.parametrize(
    "probabilities", [TWO_PHRASES, vad_probabilities((3, 0), (40, 0.9), (2, 0), (40, 0.9), (20, 0))]
)
def test_speculation_changes_no_final_caption(probabilities: list[float], chunk: int):
    samples = samples_for(probabilities)
    expected = play(new_captioner(probabilities, ScriptedEngine(), options=NO_TENTATIVES), samples, chunk)
    captions = play(new_captioner(probabilities, ScriptedEngine(), options=SPECULATING), samples, chunk)
    assert finals(captions) == finals(expected)


def test_speculated_segment_is_transcribed_once_when_silence_begins():
    engine = ScriptedEngine()
    captioner = new_captioner(ONE_PHRASE, engine, options=SPECULATING)
    samples = samples_for(ONE_PHRASE)
    first, rest = samples[: 87 * VAD_WINDOW], samples[87 * VAD_WINDOW :]  # 85 windows until the end of speech
    (tentative,) = [c for i in range(0, len(first), 512) for c in captioner.feed(first[i : i + 512])]
    assert not tentative.final
    assert len(engine.utterances) == 1
    (final,) = [c for i in range(0, len(rest), 512) for c in captioner.feed(rest[i : i + 512])]
    assert (final.final, final.text) == (True, tentative.text)
    assert len(engine.utterances) == 1


def test_segment_is_transcribed_again_if_speech_continues_after_speculation():
    probabilities = vad_probabilities((40, 0.9), (2, 0), (40, 0.9), (9, 0))
    engine = ScriptedEngine()
    captions = play(new_captioner(probabilities, engine, options=SPECULATING), samples_for(probabilities))
    assert [c.final for c in captions] == [False, False, True]
    assert len(engine.utterances) == 2


def test_final_words_are_timed_from_the_beginning_of_the_stream():
    words = (Word(" Yes", 0.1, 0.4, 0.9),)
    engine = ScriptedEngine(script=[replace(transcript("Yes"), words=words)])
    (final,) = finals(play(new_captioner(ONE_PHRASE, engine, options=SPECULATING), samples_for(ONE_PHRASE)))
    start_s = (5 - 2) * WINDOW_S  # two windows of padding
    (word,) = final.words
    assert (word.start_s, word.end_s) == pytest.approx((start_s + 0.1, start_s + 0.4))
    assert [o.words for o in engine.decoding_options] == [True]


def test_vocabulary_hints_and_previous_line_are_the_prompt():
    engine = ScriptedEngine(script=[transcript("We meet Ada."), transcript("She waits.")])
    options = SessionOptions(mode="single", expect="Ada Lovelace", previous_text=True)
    play(new_captioner(TWO_PHRASES, engine, options=options), samples_for(TWO_PHRASES))
    assert [u.previous_text for u in engine.utterances] == ["Ada Lovelace", "Ada Lovelace We meet Ada."]


def test_text_with_a_loop_is_not_used_as_context():
    engine = ScriptedEngine(script=[transcript("No. No. No."), transcript("She waits.")])
    options = SessionOptions(mode="single", previous_text=True)
    play(new_captioner(TWO_PHRASES, engine, options=options), samples_for(TWO_PHRASES))
    assert [u.previous_text for u in engine.utterances] == ["", ""]


def test_single_mode_transcribes_each_segment_once():
    engine = ScriptedEngine()
    captioner = new_captioner(TWO_PHRASES, engine, options=SessionOptions(mode="single"))
    captions = play(captioner, samples_for(TWO_PHRASES), chunk=1600)
    assert len(engine.utterances) == len(captions) == 2
    assert finals(captions) == finals(play(new_captioner(TWO_PHRASES, ScriptedEngine()), samples_for(TWO_PHRASES)))


@pytest.mark.parametrize(("task", "language", "expected"), [("transcribe", None, "ru"), ("translate", "ru", None)])
def test_final_caption_has_the_spoken_language_and_a_translation_has_none(task, language, expected):
    session = CaptionSession(language, GATE, NO_TENTATIVES, ScriptedVad(ONE_PHRASE), task)
    (request,) = session.feed(samples_for(ONE_PHRASE)).requests
    (final,) = session.add_transcript(request, transcript("Да", "ru")).captions
    assert final.language == expected
