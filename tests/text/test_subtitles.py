import json
from dataclasses import dataclass

import av
import pytest

from qal.text.subtitles.formats import SUBTITLE_FORMATS, cue_fields, format_timestamp, to_json, to_srt, to_txt, to_vtt


@dataclass(frozen=True)
class TimedText:
    start_s: float
    end_s: float
    text: str
    language: str = "en"


CUES = [TimedText(0.5, 2.0, "Hello there."), TimedText(3661.2344, 3662, "ሰላም\n\nдорогой <b>R&D</b> --> ok")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (3661.5, "01:01:01.500"), (59.9996, "00:01:00.000"), (360000, "100:00:00.000")],
)
def test_timestamp_rounds_up_to_full_minutes(seconds: float, text: str):
    assert format_timestamp(seconds) == text


@dataclass(frozen=True)
class TimedWord:
    text: str
    start_s: float
    end_s: float
    probability: float


@dataclass(frozen=True)
class CueWithWords(TimedText):
    words: tuple[TimedWord, ...] = ()


def test_json_rounds_all_floats_and_keeps_word_times_within_their_segment():
    words = (TimedWord("Hello", 0.31000000000000005, 1.1, 1 / 3), TimedWord(" there", 1.1, 2.1399999999999997, 0.9))
    cue = CueWithWords(0.4, 1.8399999999999999, "Hello there", words=words)
    expected = [
        {"text": "Hello", "start_s": 0.4, "end_s": 1.1, "probability": 0.333},
        {"text": " there", "start_s": 1.1, "end_s": 1.84, "probability": 0.9},
    ]
    (segment,) = json.loads(to_json([cue]))["segments"]
    assert segment["words"] == expected
    assert (segment["start_s"], segment["end_s"]) == (0.4, 1.84)
    assert cue_fields(cue) == segment


def test_txt_has_one_line_per_cue():
    assert to_txt(CUES) == "Hello there.\nሰላም дорогой <b>R&D</b> --> ok\n"


def test_srt_numbers_cues_and_replaces_arrows_in_text():
    assert to_srt(CUES) == (
        "1\n00:00:00,500 --> 00:00:02,000\nHello there.\n\n"
        "2\n01:01:01,234 --> 01:01:02,000\nሰላም дорогой <b>R&D</b> -> ok\n"
    )


def test_vtt_escapes_markup():
    assert to_vtt(CUES) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello there.\n\n"
        "01:01:01.234 --> 01:01:02.000\nሰላም дорогой &lt;b&gt;R&amp;D&lt;/b&gt; --&gt; ok\n"
    )


def test_json_holds_every_field_of_a_cue():
    content = json.loads(to_json(CUES))
    assert content["segments"][0] == {"start_s": 0.5, "end_s": 2.0, "text": "Hello there.", "language": "en"}
    assert content["text"].startswith("Hello there. ሰላም дорогой")


def test_empty_transcript_is_valid_in_every_format():
    assert (to_txt([]), to_srt([]), to_vtt([])) == ("", "", "WEBVTT\n")
    assert json.loads(to_json([])) == {"text": "", "segments": []}


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_ffmpeg_reads_every_written_cue(name: str, tmp_path):
    path = tmp_path / f"cues.{name}"
    path.write_text(SUBTITLE_FORMATS[name].format_cues(CUES), encoding="utf-8")
    with av.open(str(path)) as container:
        starts = [round(float((p.pts or 0) * p.time_base), 1) for p in container.demux() if p.size]
    assert starts == [0.5, 3661.2]
