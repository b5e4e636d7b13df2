"""Subtitles of a video whose sound starts late and has a hole are cut where the words are."""

from pathlib import Path

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE
from qal.corpus.importers.conversion.convert import HAS_HOLE
from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.manifest import Corpus
from tests.long_recordings import Spoken, join_utterances, speech_range, srt
from tests.videos import write_video

LATE_S, HOLE_S = 3.2, 4.5  # of the sound's start; of the hole after the fourth sentence
COUNT, BEFORE_HOLE = 8, 4
OPTIONS = ListingOptions(language="ru")


def video(path: Path, corpus: Corpus, hole_at: float) -> list[Spoken]:
    """Writes a video of some sentences. Returns what is spoken, with the times of the video.

    `hole_at`: place of the hole in the time between two sentences, 0 to 1; above 1: within the second one."""
    rows = [row for row in corpus.rows if 1.5 < row.duration_s < 5 and row.text[0].isupper()][:COUNT]
    samples, spoken = join_utterances(corpus, rows, np.random.default_rng(0), pauses_s=(0.6, 1.5))
    before, after = spoken[BEFORE_HOLE - 1 : BEFORE_HOLE + 1]
    border_s = before.end_s + hole_at * (after.start_s - before.end_s)

    def moved_s(time_s: float) -> float:
        return LATE_S + (HOLE_S if time_s >= border_s else 0.0)

    write_video(path, samples, SAMPLE_RATE, moved_s)
    return [Spoken(s.text, s.start_s + moved_s(s.start_s), s.end_s + moved_s(s.end_s)) for s in spoken]


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_rows_of_a_video_with_a_late_start_and_a_hole_have_the_times_of_its_subtitles(
    tmp_path: Path, russian_corpus: Corpus, suffix: str
):
    (tmp_path / "in").mkdir()
    spoken = video(tmp_path / f"in/talk.{suffix}", russian_corpus, hole_at=0.5)
    (tmp_path / "in/talk.srt").write_text(srt([(s.start_s, s.end_s, s.text) for s in spoken]), encoding="utf-8")
    result = import_source(tmp_path / "in", tmp_path / "out", OPTIONS)
    assert not result.problems
    assert [row.text for row in result.corpus.rows] == [s.text for s in spoken]
    for row, truth in zip(result.corpus.rows, spoken, strict=True):
        start_s, end_s = map(float, row.source.removeprefix(f"talk.{suffix}, ").removesuffix(" s").split("-"))
        assert (start_s, end_s) == pytest.approx((truth.start_s, truth.end_s), abs=0.2)
        first, last = speech_range(decode(result.corpus.audio_path(row)))
        assert start_s + first / SAMPLE_RATE == pytest.approx(truth.start_s, abs=0.2)
        assert start_s + last / SAMPLE_RATE == pytest.approx(truth.end_s, abs=0.2)
        assert HAS_HOLE not in row.notes


def test_row_with_a_hole_in_its_sound_is_noted(tmp_path: Path, russian_corpus: Corpus):
    (tmp_path / "in").mkdir()
    spoken = video(tmp_path / "in/talk.mkv", russian_corpus, hole_at=2.0)
    (tmp_path / "in/talk.srt").write_text(srt([(s.start_s, s.end_s, s.text) for s in spoken]), encoding="utf-8")
    rows = import_source(tmp_path / "in", tmp_path / "out", OPTIONS).corpus.rows
    assert [row.text for row in rows if HAS_HOLE in row.notes] == [spoken[BEFORE_HOLE].text]


def test_video_that_is_one_example_begins_with_its_sound(tmp_path: Path, russian_corpus: Corpus):
    (tmp_path / "in").mkdir()
    spoken = video(tmp_path / "in/talk.mkv", russian_corpus, hole_at=0.5)
    (tmp_path / "in/talk.csv").write_text("file,text\ntalk.mkv,All of it\n")
    (row,) = import_source(tmp_path / "in", tmp_path / "out", OPTIONS).corpus.rows
    assert row.duration_s == pytest.approx(spoken[-1].end_s - LATE_S + 1, abs=0.7)
