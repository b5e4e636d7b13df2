"""The JSON of live captions, and times as text."""

from dataclasses import dataclass

import pytest

from qal.text.subtitles.formats import cue_fields
from qal.text.subtitles.timestamps import format_clock, format_timestamp


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (3661.5, "01:01:01.500"), (59.9996, "00:01:00.000"), (360000, "100:00:00.000")],
)
def test_timestamp_rounds_up_to_full_minutes(seconds: float, text: str):
    assert format_timestamp(seconds) == text


def test_clock_has_no_parts_of_a_second():
    assert format_clock(3661.9) == "1:01:01"


@dataclass(frozen=True)
class TimedWord:
    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True)
class Caption:
    start_s: float
    end_s: float
    text: str
    words: tuple[TimedWord, ...] = ()


def test_json_rounds_all_floats_and_keeps_word_times_within_their_segment():
    words = (TimedWord("Hello", 0.31000000000000005, 1.1, 1 / 3), TimedWord(" there", 1.1, 2.1399999999999997, 0.9))
    fields = cue_fields(Caption(0.4, 1.8399999999999999, "Hello there", words=words))
    assert fields["words"] == [
        {"text": "Hello", "start_s": 0.4, "end_s": 1.1, "probability": 0.333},
        {"text": " there", "start_s": 1.1, "end_s": 1.84, "probability": 0.9},
    ]
    assert (fields["start_s"], fields["end_s"]) == (0.4, 1.84)
