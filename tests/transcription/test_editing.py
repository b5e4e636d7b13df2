"""The operations of the editor and its journal."""

import pytest
from pydantic import ValidationError

from qal.engine.longform.settled import Settled
from qal.engine.words import Word
from qal.errors import OptionError
from qal.transcription.document import EDITS_FILE, edit, read_document, redo, undo
from qal.transcription.editing import (
    CorrectText,
    CorrectWord,
    Delete,
    Merge,
    SetTimes,
    Shift,
    Split,
    apply_operation,
    split_words,
    words_of,
)
from qal.transcription.options import OutputOptions
from qal.transcription.store import TranscriptState, TranscriptStore, transcript_writer
from tests.transcription.streams import OPTIONS, segment, spoken, texts

KEY = "0" * 32


def words(found) -> list[tuple[str, float, float]]:
    return [(word.text, word.start_s, word.end_s) for word in words_of(found)]


def stored(store: TranscriptStore, segments, state="done", options=OPTIONS):
    transcript = store.transcript(KEY)
    new = TranscriptState(key=KEY, source="x", name="x", content_sha256="", model="m", options=options)
    with transcript_writer(transcript, new, lambda: None) as writer:
        writer.append(Settled(segments, 100.0))
        writer.update(state=state)
    return transcript


def test_corrected_word_keeps_its_time_and_the_text_follows():
    (found,) = apply_operation([spoken("the cat sat")], CorrectWord(segment=0, word=1, text="dog"))
    assert found.text == "the dog sat"
    assert words(found) == [(" the", 0, 0.5), (" dog", 0.5, 1), (" sat", 1, 1.5)]
    assert [word.probability for word in found.words] == [0.8, 1.0, 0.8]


def test_word_corrected_to_two_shares_its_time():
    (found,) = apply_operation([spoken("the doghouse sat")], CorrectWord(segment=0, word=1, text="dog  hut"))
    assert words(found)[1:3] == [(" dog", 0.5, 0.75), (" hut", 0.75, 1)]


def test_word_corrected_to_nothing_is_removed():
    (found,) = apply_operation([spoken("the the cat")], CorrectWord(segment=0, word=0, text=" "))
    assert (found.text, len(found.words)) == ("the cat", 2)


def test_corrected_text_keeps_the_times_of_words_that_stay():
    (found,) = apply_operation([spoken("a cat sat on mats")], CorrectText(segment=0, text="a big cat sat upon mats"))
    assert found.text == "a big cat sat upon mats"
    assert words(found)[2:] == [(" cat", 0.5, 1), (" sat", 1, 1.5), (" upon", 1.5, 2), (" mats", 2, 2.5)]
    assert all(first.end_s <= second.start_s for first, second in zip(found.words, found.words[1:], strict=False))


def test_words_without_times_are_estimated_inside_their_segment():
    found = segment("one three", 10, 18)
    assert words(found) == [(" one", 10, 13), (" three", 13, 18)]


def test_split_and_merge_are_inverse():
    whole = spoken("the cat sat down")
    parts = apply_operation([whole], Split(segment=0, word=2))
    assert [(p.text, p.start_s, p.end_s) for p in parts] == [("the cat", 0, 1), ("sat down", 1, 2)]
    assert apply_operation(parts, Merge(segment=0)) == [whole]


def test_merge_in_a_language_without_spaces_adds_none():
    first, second = segment("你好", 0, 1, "zh"), segment("世界", 1, 2, "zh")
    (found,) = apply_operation([first, second], Merge(segment=0))
    assert (found.text, found.start_s, found.end_s) == ("你好世界", 0, 2)


def test_corrected_text_without_spaces_keeps_times_of_letters():
    found = apply_operation(
        [spoken("x").__class__(0, 2, "你好世界", "zh", -0.2, 0.0, (Word("你好", 0, 1, 0.8), Word("世界", 1, 2, 0.8)))],
        CorrectText(segment=0, text="你好地界"),
    )[0]
    assert words(found) == [("你", 0, 0.5), ("好", 0.5, 1), ("地", 1, 1.5), ("界", 1.5, 2)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("ที่นี่", "th", ["ที่", "นี่"]),
        ("YouTubeを 見る", "ja", ["YouTube", "を", " 見", "る"]),
        ("two  words", "en", [" two", " words"]),
        ("the 東京 tower", "en", [" the", " 東", "京", " tower"]),
        ("", "en", []),
    ],
)
def test_marks_stay_with_their_letters_and_words_of_other_scripts_stay_whole(text, language, expected):
    assert split_words(text, language) == expected


def test_shift_moves_a_range_with_its_words():
    segments = [spoken("a b", 0), spoken("c d", 2), spoken("e f", 4)]
    found = apply_operation(segments, Shift(segment=1, last=1, seconds=0.5))
    assert [s.start_s for s in found] == [0, 2.5, 4]
    assert words(found[1])[0] == (" c", 2.5, 3.0)
    assert apply_operation(found, Shift(segment=1, last=1, seconds=-0.5)) == segments


def test_set_times_keeps_words_inside():
    (found,) = apply_operation([spoken("a b c", 0)], SetTimes(segment=0, start_s=0.25, end_s=1.25))
    assert words(found) == [(" a", 0.25, 0.5), (" b", 0.5, 1.0), (" c", 1.0, 1.25)]


@pytest.mark.parametrize(
    "operation",
    [
        CorrectWord(segment=5, word=0, text="x"),
        CorrectWord(segment=0, word=9, text="x"),
        Split(segment=0, word=3),
        Merge(segment=1),
        Shift(segment=0, seconds=-1),
        SetTimes(segment=0, start_s=3, end_s=2),
    ],
)
def test_operations_that_do_not_fit_are_refused(operation):
    with pytest.raises(OptionError):
        apply_operation([spoken("a b c"), spoken("d", 2)], operation)


def test_segments_of_two_channels_are_not_merged():
    from dataclasses import replace

    with pytest.raises(OptionError, match="channels"):
        apply_operation([replace(spoken("a"), channel=0), replace(spoken("b"), channel=1)], Merge(segment=0))


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_times_are_finite(seconds):
    with pytest.raises(ValidationError):
        Shift(segment=0, seconds=seconds)


def test_undo_and_redo_survive_a_reload(store):
    transcript = stored(store, [spoken("the cat"), spoken("sat down", 2)])
    edit(transcript, CorrectWord(segment=0, word=1, text="dog"))
    edit(transcript, Merge(segment=0))
    assert texts(read_document(transcript).segments) == ["the dog sat down"]
    assert texts(undo(transcript).segments) == ["the dog", "sat down"]
    assert texts(undo(transcript).segments) == ["the cat", "sat down"]
    assert not undo(transcript).can_undo
    reloaded = store.transcript(KEY)
    assert read_document(reloaded).can_redo
    assert texts(redo(reloaded).segments) == ["the dog", "sat down"]
    changed = edit(reloaded, Delete(segment=1))
    assert (texts(changed.segments), changed.can_redo) == (["the dog"], False)
    assert texts(changed.finished(OutputOptions())) == ["the dog"]


def test_operation_that_does_not_fit_leaves_no_line_in_the_journal(store):
    transcript = stored(store, [spoken("the cat")])
    with pytest.raises(OptionError):
        edit(transcript, Merge(segment=0))
    assert not (transcript.folder / EDITS_FILE).exists()


def test_torn_line_of_the_journal_is_ignored_and_later_edits_count(store):
    transcript = stored(store, [spoken("the cat")])
    edit(transcript, CorrectWord(segment=0, word=0, text="a"))
    with (transcript.folder / EDITS_FILE).open("ab") as file:
        file.write(b'{"kind": "word", "seg')
    assert texts(read_document(transcript).segments) == ["a cat"]
    assert texts(edit(transcript, CorrectWord(segment=0, word=1, text="dog")).segments) == ["a dog"]
    assert texts(read_document(transcript).segments) == ["a dog"]


def test_file_that_is_being_transcribed_is_not_edited(store):
    transcript = stored(store, [spoken("the cat")])
    with transcript_writer(transcript, transcript.state(), lambda: None) as writer:
        writer.update(state="running")
        with pytest.raises(OptionError, match="stop it"):
            edit(transcript, Delete(segment=0))
    assert texts(edit(transcript, Delete(segment=0)).segments) == []
