"""The strategy sequential: timestamps decide the next window, and the text before is the prompt."""

from dataclasses import replace

import pytest

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.engine.decoding import Tokenizer
from qal.engine.engine import Transcript
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.segment import Segment
from qal.engine.longform.sequential import CompleteText, complete_texts, timed_segments
from qal.engine.longform.stream import transcribe_stream
from qal.engine.longform.transcription import transcribe_file
from qal.engine.timestamps import TimedText, timed_texts
from qal.engine.words import Word
from tests.fakes import ScriptedEngine, transcript

SEQUENTIAL = LongformOptions(strategy="sequential")


def timed(*parts: TimedText) -> Transcript:
    return replace(transcript(" ".join(part.text for part in parts), "ru"), timed_texts=parts)


def test_next_window_starts_where_the_last_complete_text_ends(long_speech: Samples):
    first = timed(TimedText(0, 5, "One."), TimedText(5, 12, "Two."), TimedText(12, None, "Thr"))
    engine = ScriptedEngine(script=[first])
    segments = transcribe_file(engine, long_speech[: 50 * SAMPLE_RATE], "ru", options=SEQUENTIAL)
    assert [s.text for s in segments[:2]] == ["One.", "Two."]
    assert "Thr" not in [s.text for s in segments]
    assert segments[1].end_s - segments[0].start_s == pytest.approx(12, abs=0.5)
    assert segments[2].start_s - segments[0].start_s == pytest.approx(12, abs=1.5)


def test_text_before_is_the_prompt_of_the_next_window(long_speech: Samples):
    engine = ScriptedEngine(script=[transcript("First text.", "ru"), transcript("Second text.", "ru")])
    transcribe_file(engine, long_speech[: 80 * SAMPLE_RATE], "ru", options=SEQUENTIAL)
    assert [u.previous_text for u in engine.utterances[:3]] == ["", " First text.", " First text. Second text."]


def test_prompt_is_empty_after_a_text_that_was_not_plausible(long_speech: Samples):
    loop = replace(transcript("I will not. " * 20, "ru"), is_cut=True, tokens=tuple(range(100)))
    engine = ScriptedEngine(script=[transcript("First text.", "ru"), loop])
    transcribe_file(engine, long_speech[: 100 * SAMPLE_RATE], "ru", options=SEQUENTIAL)
    after = [u.previous_text for u in engine.utterances[2:]]
    assert after[0] == ""
    assert not any("I will not" in text for text in after)


def test_resumed_transcription_goes_on_with_the_prompt_of_the_one_before(long_speech: Samples):
    settled = list(transcribe_stream(ScriptedEngine(), [long_speech], "ru", options=SEQUENTIAL))
    rest = [long_speech[round(settled[0].settled_s * SAMPLE_RATE) :]]
    engine = ScriptedEngine()
    at_s, continuation = settled[0].settled_s, settled[0].continuation
    resumed = list(
        transcribe_stream(
            engine, rest, "ru", "transcribe", options=SEQUENTIAL, resume_at_s=at_s, continuation=continuation
        )
    )
    assert engine.utterances[0].previous_text == continuation.previous_text != ""
    assert resumed[-1].settled_s == pytest.approx(seconds(long_speech))


def test_unfinished_text_is_kept_where_nothing_follows_or_nothing_else_is_there():
    whole = [TimedText(0, 5, "One."), TimedText(5, None, "Two")]
    assert complete_texts(whole, 30, is_last=False) == [CompleteText(0, 5, "One.")]
    assert complete_texts(whole, 30, is_last=True) == [CompleteText(0, 5, "One."), CompleteText(5, 30, "Two")]
    assert complete_texts(whole[1:], 30, is_last=False) == [CompleteText(5, 30, "Two")]
    assert complete_texts([], 30, is_last=True) == []


def test_words_of_a_window_go_to_the_parts_of_its_text():
    words = tuple(Word(f" {text}", i, i + 0.9, 0.9) for i, text in enumerate(["One", "two.", "Three", "four."]))
    whole = Segment(100, 130, "One two. Three four.", "en", -0.1, 0.0, words)
    first, second = timed_segments(whole, [CompleteText(0, 2, "One two."), CompleteText(2, 4, "Three four.")])
    assert [word.text for word in first.words] == [" One", " two."]
    assert [word.text for word in second.words] == [" Three", " four."]
    assert (second.start_s, second.end_s) == (2, 3.9)
    (alone,) = timed_segments(replace(whole, words=()), [CompleteText(2, 4, "Three four.")])
    assert (alone.start_s, alone.end_s) == (102, 104)


def test_timestamps_in_a_text_divide_it(base_directory):
    tokenizer = Tokenizer(base_directory)
    zero = tokenizer.timestamp_ids.start
    ids = [zero, *tokenizer.encode("First part."), zero + 120, zero + 120, *tokenizer.encode("Second part")]
    assert timed_texts(tokenizer, ids) == (TimedText(0.0, 2.4, "First part."), TimedText(2.4, None, "Second part"))
    assert timed_texts(tokenizer, tokenizer.encode("No times.")) == ()
