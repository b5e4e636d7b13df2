"""The strategy overlap: windows are joined so that each word of an overlap is written once."""

import pytest

from qal.audio.gate import Region
from qal.audio.samples import SAMPLE_RATE, WINDOW_S
from qal.engine.longform.overlap import OVERLAP_S, find_cut, join_windows, windows_of
from qal.engine.longform.regions import MergedRegion
from qal.engine.longform.sections import Section
from qal.engine.longform.segment import Segment
from qal.engine.words import Word
from tests.fakes import noise


def words(text: str, start_s: float, step_s: float = 1.0) -> tuple[Word, ...]:
    starts = [start_s + i * step_s for i in range(len(text.split()))]
    return tuple(Word(f" {word}", s, s + 0.8 * step_s, 0.9) for word, s in zip(text.split(), starts, strict=True))


def segment(of: tuple[Word, ...]) -> Segment:
    text = "".join(word.text for word in of).strip()
    return Segment(of[0].start_s, of[-1].end_s, text, "en", -0.1, 0.0, of)


def region(start_s: float, end_s: float) -> MergedRegion:
    start, end = round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE)
    return MergedRegion(start, end, start, end, 0.99)


def joined(left: tuple[Word, ...], right: tuple[Word, ...]) -> str:
    segments = join_windows([[segment(left)], [segment(right)]], [region(0, 30), region(25, 55)])
    return " ".join(s.text for s in segments)


def test_overlapping_words_that_agree_are_written_once():
    left, right = words("a b c d e f g", 23), words("c d e f g h i", 25.1)
    assert joined(left, right) == "a b c d e f g h i"


def test_words_that_are_cut_by_the_end_of_a_window_come_from_the_other_one():
    left, right = words("a b c d e fra", 24.5), words("ing c d e fragment g", 25.6)
    assert joined(left, right) == "a b c d e fragment g"


def test_windows_whose_words_disagree_are_joined_in_the_middle_of_the_overlap():
    left, right = words("a b c d e f", 24), words("u v w x y z", 25)
    assert joined(left, right) == "a b c d x y z"


def test_same_words_at_other_times_are_not_taken_for_the_same():
    cut = find_cut(words("yes", 25), words("no no no yes", 26), 25, 30)
    assert cut.kept == 1


def test_windows_overlap_by_five_seconds_and_cover_the_section():
    samples = noise(80 * SAMPLE_RATE)
    section = Section(1000, 1000 + len(samples), samples, (Region(0, 0, 10, 20, 30, 0.97),))
    windows = windows_of(section)
    assert [(w.start - 1000) / SAMPLE_RATE for w in windows] == [0, 25, 50]
    assert windows[-1].end == section.end
    assert all(w.duration_s == WINDOW_S for w in windows)
    assert windows[0].end - windows[1].start == OVERLAP_S * SAMPLE_RATE
    assert [w.speech_probability for w in windows] == [pytest.approx(0.97), 0, 0]


def test_short_section_is_one_window():
    samples = noise(3 * SAMPLE_RATE)
    (window,) = windows_of(Section(0, len(samples), samples, ()))
    assert (window.start, window.end) == (0, len(samples))
