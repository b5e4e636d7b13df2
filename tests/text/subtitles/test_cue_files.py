"""Subtitle files: what was written is read again by pysubs2 and by FFmpeg, and no text acts as a tag or a command."""

import html
from pathlib import Path

import av
import pytest
from pysubs2 import SSAFile

from qal.text.subtitles.cue_files import write_ass, write_srt, write_ttml, write_vtt
from qal.text.subtitles.cues import Cue, make_cues
from qal.text.subtitles.formats import SUBTITLE_FORMATS
from qal.text.subtitles.inert_text import WORD_JOINER
from qal.text.subtitles.rules import SubtitleRules
from tests.text.subtitles.transcripts import Segment, invented

WRITERS = {"srt": write_srt, "vtt": write_vtt, "ass": write_ass, "ttml": write_ttml}
TEXTS = [
    "plain",
    "<i>not italic</i> <b>",
    "{\\an8}not on top {x}",
    "R&D &amp; <c> & co",
    "a --> b",
    "00:00:01,000 --> 00:00:02,000",
    "00:01.000 --> 00:02.000",
    "C:\\new\\Name\\home",
    "😀👩‍👩‍👧 emoji",
    "שלום, עולם!",
    "ሰላም a\u0301 e\u0308 कि",
    "5",
    "WEBVTT",
    "NOTE nothing",
    "[Script Info]",
    "a, b, c",
    "semi; colon: x",
    "]]> <!-- x --> <?xml?>",
]


def read(content: str, form: str) -> list[tuple[int, int, str]]:
    """Reads a file with pysubs2 and undoes what made its texts inert."""
    undo = str.maketrans({"｛": "{", "｝": "}", WORD_JOINER: None, "\u202b": None, "\u202c": None})
    events = SSAFile.from_string(content, format_=form)
    texts = [event.plaintext.translate(undo) for event in events]
    if form == "vtt":
        texts = [html.unescape(text) for text in texts]
    return [(event.start, event.end, text) for event, text in zip(events, texts, strict=True)]


@pytest.mark.parametrize("form", WRITERS)
def test_cues_read_again_by_pysubs2_are_equal(form: str):
    cues = [Cue(i + 0.5, i + 1.25, (text, "second & <i>")) for i, text in enumerate(TEXTS)]
    cues += [Cue(i + 50.0, i + 50.5, (text,)) for i, text in enumerate(TEXTS)]
    cues += [Cue(98.0, 99.0, ("first", "12")), Cue(359990.5, 359999.0, ("last", "34"))]
    expected = [(round(1000 * c.start_s), round(1000 * c.end_s), c.text) for c in cues]
    assert read(WRITERS[form](cues), form) == expected


@pytest.mark.parametrize("form", WRITERS)
def test_invented_transcripts_read_again_by_pysubs2_are_equal(form: str):
    rounded = 5 if form == "ass" else 0  # ASS has hundredths of a second
    for seed in range(15):
        cues = make_cues(invented(seed), SubtitleRules())
        found = read(SUBTITLE_FORMATS[form].format(invented(seed)).decode(), form)
        assert len(found) == len(cues)
        for (start, end, text), cue in zip(found, cues, strict=True):
            assert text == "\n".join(" ".join(line.split()) for line in cue.text.split("\n")).translate(
                {0x202B: None}
            ), seed
            assert abs(start - 1000 * cue.start_s) <= rounded + 0.501
            assert abs(end - 1000 * cue.end_s) <= rounded + 0.501
            assert start < end


@pytest.mark.parametrize("form", WRITERS)
def test_cue_without_text_and_empty_transcript_are_valid(form: str):
    cues = [Cue(0, 1, ("a",)), Cue(1, 2, ("",)), Cue(2, 3, ()), Cue(3, 4, ("b",))]
    assert [text for _, _, text in read(WRITERS[form](cues), form)] == ["a", "", "", "b"]
    assert read(SUBTITLE_FORMATS[form].format([]).decode(), form) == []


def test_control_characters_and_halves_of_pairs_are_left_out():
    cues = [Cue(0, 1, ("a\x00b\x1b c\ud83d d\u2028e\tf\x85g",))]
    for form, write in WRITERS.items():
        assert read(write(cues).encode().decode(), form)[0][2].replace("\u2028", " ") == "ab c d e f g"


def test_hours_have_no_end():
    cues = [Cue(360_000.0, 360_001.5, ("a",))]
    assert "100:00:00,000 --> 100:00:01,500" in write_srt(cues)
    assert "100:00:00.000 --> 100:00:01.500" in write_vtt(cues)
    assert ",100:00:00.00,100:00:01.50," in write_ass(cues)
    assert 'begin="100:00:00.000" end="100:00:01.500"' in write_ttml(cues)
    assert ",12:00:00.10," in write_ass([Cue(43200.1, 43201, ("a",))])


def test_direction_of_right_to_left_lines_is_marked_in_srt_and_ass():
    cues = [Cue(0, 1, ("שלום, עולם!", "hello"))]
    assert "\u202bשלום, עולם!\u202c\nhello" in write_srt(cues)
    assert "\u202b" not in write_srt(cues, rtl_marks=False)
    assert SSAFile.from_string(write_ass(cues), format_="ass").styles["Default"].encoding == -1
    assert "\u202b" not in write_vtt(cues)


@pytest.mark.parametrize("form", ["srt", "vtt", "ass"])
def test_ffmpeg_reads_every_written_cue(form: str, tmp_path: Path):
    cues = [Cue(0.5, 2.0, ("Hello there.",)), Cue(3661.2344, 3662, ("ሰላም", "<b>R&D</b> --> ok"))]
    path = tmp_path / f"cues.{form}"
    path.write_text(WRITERS[form](cues), encoding="utf-8")
    with av.open(str(path)) as container:
        starts = [round(float((p.pts or 0) * p.time_base), 1) for p in container.demux() if p.size]
    assert starts == [0.5, 3661.2]


def test_channels_are_named_in_ass():
    content = SUBTITLE_FORMATS["ass"].format([Segment(0, 1, "Hello", channel=1)]).decode()
    assert SSAFile.from_string(content, format_="ass")[0].name == "channel 2"
