"""Segments of a transcript as rows of a dataset, with their sound."""

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import read_corpus
from qal.engine.longform.settled import Settled
from qal.errors import CorpusError, OptionError
from qal.transcription import corpus_rows
from qal.transcription.corpus_rows import add_segments, cut_ranges, sound_range
from qal.transcription.document import edit
from qal.transcription.editing import CorrectWord
from qal.transcription.store import TranscriptState, transcript_writer
from tests.transcription.streams import OPTIONS, TextFileSound, segment, write_sound

KEY = "0" * 32
LONG = segment("a long line", 8, 58)


@pytest.fixture
def transcript(store, tmp_path, monkeypatch):
    """A transcript of four lines, of which the last one is too long for a row."""
    monkeypatch.setattr(corpus_rows, "SoundFile", TextFileSound)
    path = write_sound(tmp_path / "talk.wav", 60)
    new = TranscriptState(key=KEY, source=str(path), name="x", content_sha256="ab" * 32, model="m", options=OPTIONS)
    found = store.transcript(KEY)
    with transcript_writer(found, new, lambda: None) as writer:
        lines = [segment("the first line", 1), segment("the second line", 2.1, 4), segment("...", 6), LONG]
        writer.append(Settled(lines, 60.0))
        writer.update(state="done")
    return found


def test_corrected_segments_are_rows_with_their_sound(transcript, tmp_path):
    edit(transcript, CorrectWord(segment=1, word=1, text="third"))
    added = add_segments(tmp_path / "data", "mine", transcript, [1, 0, 2, 3])
    corpus = read_corpus(tmp_path / "data" / "mine")
    assert (added.corpus, added.added) == ("mine", 2)
    assert [line.split(":")[0] for line in added.left_out] == ["segment 3", "segment 4"]
    assert sorted((row.text, round(row.duration_s, 2)) for row in corpus.rows) == [
        ("the first line", 1.3),
        ("the third line", 2.2),
    ]


def test_segment_that_is_added_again_replaces_its_row(transcript, tmp_path):
    add_segments(tmp_path / "data", "mine", transcript, [0])
    edit(transcript, CorrectWord(segment=0, word=1, text="last"))
    add_segments(tmp_path / "data", "mine", transcript, [0])
    assert [row.text for row in read_corpus(tmp_path / "data" / "mine").rows] == ["the last line"]


def test_margin_reaches_into_no_other_segment(transcript):
    segments = transcript.segments()
    assert [round(x / SAMPLE_RATE, 3) for x in sound_range(segments, 0)] == [0.8, 2.1]
    assert [round(x / SAMPLE_RATE, 3) for x in sound_range(segments, 1)] == [2, 4.2]


def test_ranges_are_cut_in_one_pass(transcript, tmp_path):
    segments = transcript.segments()
    ranges = [sound_range(segments, number) for number in range(4)]
    parts = cut_ranges(tmp_path / "talk.wav", transcript.state(), ranges, [None] * 4)
    for (start, end), samples in zip(ranges, parts, strict=True):
        np.testing.assert_array_equal(samples, np.arange(start, end, dtype=np.float32))


def test_translations_missing_files_and_wrong_names_are_refused(transcript, store, tmp_path):
    with pytest.raises(CorpusError):
        add_segments(tmp_path / "data", "../x", transcript, [0])
    with pytest.raises(OptionError, match="no such segment"):
        add_segments(tmp_path / "data", "mine", transcript, [9])
    (tmp_path / "talk.wav").unlink()
    with pytest.raises(OptionError, match="no longer"):
        add_segments(tmp_path / "data", "mine", transcript, [0])
    with transcript_writer(transcript, transcript.state(), lambda: None) as writer:
        writer.update(options=OPTIONS.model_copy(update={"task": "translate"}))
    with pytest.raises(OptionError, match="translation"):
        add_segments(tmp_path / "data", "mine", transcript, [0])
    assert not (tmp_path / "data").exists()
