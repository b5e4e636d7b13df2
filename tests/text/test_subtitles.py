import json
from dataclasses import dataclass

import av
import pytest

from qal.text.subtitles import FORMATS, clock, to_json, to_srt, to_txt, to_vtt


@dataclass(frozen=True)
class Line:
    start_s: float
    end_s: float
    text: str
    language: str = "en"


LINES = [Line(0.5, 2.0, "Hello there."), Line(3661.2344, 3662, "ሰላም\n\nдорогой <b>R&D</b> --> ok")]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00.000"), (3661.5, "01:01:01.500"), (59.9996, "00:01:00.000"), (360000, "100:00:00.000")],
)
def test_a_clock_never_shows_sixty(seconds: float, text: str):
    assert clock(seconds) == text


def test_txt_is_one_line_each():
    assert to_txt(LINES) == "Hello there.\nሰላም дорогой <b>R&D</b> --> ok\n"


def test_srt_numbers_its_cues_and_has_no_second_arrow():
    assert to_srt(LINES) == (
        "1\n00:00:00,500 --> 00:00:02,000\nHello there.\n\n"
        "2\n01:01:01,234 --> 01:01:02,000\nሰላም дорогой <b>R&D</b> -> ok\n"
    )


def test_vtt_escapes_what_would_be_markup():
    assert to_vtt(LINES) == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:02.000\nHello there.\n\n"
        "01:01:01.234 --> 01:01:02.000\nሰላም дорогой &lt;b&gt;R&amp;D&lt;/b&gt; --&gt; ok\n"
    )


def test_json_holds_everything_a_cue_has():
    whole = json.loads(to_json(LINES))
    assert whole["segments"][0] == {"start_s": 0.5, "end_s": 2.0, "text": "Hello there.", "language": "en"}
    assert whole["text"].startswith("Hello there. ሰላም дорогой")


def test_no_speech_is_a_valid_file_of_every_form():
    assert (to_txt([]), to_srt([]), to_vtt([])) == ("", "", "WEBVTT\n")
    assert json.loads(to_json([])) == {"text": "", "segments": []}


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_ffmpeg_reads_as_many_cues_as_were_written(form: str, tmp_path):
    path = tmp_path / f"lines.{form}"
    path.write_text(FORMATS[form](LINES), encoding="utf-8")
    with av.open(str(path)) as container:
        starts = [round(float((p.pts or 0) * p.time_base), 1) for p in container.demux() if p.size]
    assert starts == [0.5, 3661.2]
