"""The readers of subtitles, labels and annotations: each gives the cues with their times, texts and speakers."""

import math
import struct
from pathlib import Path

import pytest

from qal.corpus.importers.timed.cues import Cue
from qal.corpus.importers.timed.labels import is_label_track, read_labels
from qal.corpus.importers.timed.recordings import READERS
from qal.corpus.importers.timed.subtitles import read_ass, read_srt, read_vtt
from qal.corpus.importers.timed.tiers import Tier, read_elan, read_textgrid, speech_tiers
from qal.corpus.importers.timed.ttml import read_ttml
from qal.errors import CorpusError

SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nyou\n\n2\n00:00:03,000 --> 00:00:04,000\nСпасибо\n"
VTT = """WEBVTT

NOTE a comment of the author

intro
00:01.000 --> 00:02.500 align:start position:0%
<v Anna Maria>Hello <c.yellow>you</c>

STYLE
::cue { color: red }

00:00:03.000 --> 00:00:04.000
Спасибо
"""
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,not spoken
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Anna,0,0,0,,{\\an8}Hello\\Nyou
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,Спасибо
"""
TTML = """<?xml version="1.0" encoding="UTF-8"?>
<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25">
<body><div><p begin="00:00:01.000" end="00:00:02:13">Hello<br/><span>you</span></p>
<p begin="75f" dur="1s">Спасибо</p></div></body></tt>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251"])
def test_srt_in_any_encoding(tmp_path: Path, encoding: str):
    text = SRT.replace("Спасибо", "Спасибо за внимание, это проверка кодировки русского текста")
    (tmp_path / "a.srt").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    cues = read_srt(tmp_path / "a.srt")
    assert [(cue.number, cue.start_s, cue.end_s) for cue in cues] == [(1, 1.0, 2.5), (2, 3.0, 4.0)]
    assert cues[0].text == "Hello\nyou"
    assert cues[1].text.startswith("Спасибо за внимание")


@pytest.mark.parametrize(
    ("name", "content", "reader", "speaker"),
    [("a.vtt", VTT, read_vtt, "Anna Maria"), ("a.ass", ASS, read_ass, "Anna"), ("a.ttml", TTML, read_ttml, "")],
)
def test_subtitles_give_times_text_and_speaker(tmp_path: Path, name: str, content: str, reader, speaker: str):
    (tmp_path / name).write_text(content, encoding="utf-8")
    first, second = reader(tmp_path / name)
    assert (first.start_s, first.speaker, first.text.split()) == (1.0, speaker, ["Hello", "you"])
    assert first.end_s == pytest.approx(2.52 if name == "a.ttml" else 2.5)
    assert (second.start_s, second.end_s, second.text) == (3.0, 4.0, "Спасибо")


@pytest.mark.parametrize("suffix", sorted(READERS))
@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"no times at all", struct.pack("<8d", *range(8)), b"<tt"])
def test_damaged_file_of_cues_is_one_error(tmp_path: Path, suffix: str, content: bytes):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=f"a{suffix}"):
        assert READERS[suffix](path, ""), f"a{suffix}"


def test_ttml_with_entities_is_refused(tmp_path: Path):
    bomb = '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><tt><body><p begin="1s" end="2s">&b;</p></body></tt>'
    (tmp_path / "a.ttml").write_text(bomb)
    with pytest.raises(CorpusError, match="entities"):
        read_ttml(tmp_path / "a.ttml")


def test_labels_of_audacity_with_frequency_ranges_and_decimal_commas(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("1.0\t2.5\tHello you\n\\\t100.0\t4000.0\n3,000\t4,000\tСпасибо\n5.0\t5.0\t\n", encoding="utf-8")
    assert is_label_track(path)
    assert read_labels(path) == [
        Cue(1, 1.0, 2.5, "Hello you"),
        Cue(2, 3.0, 4.0, "Спасибо"),
        Cue(3, 5.0, 5.0, ""),
    ]
    path.write_text("This is a transcript.\n")
    assert not is_label_track(path)


def textgrid(tiers: dict[str, list[tuple[float, float, str]]]) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", "xmax = 10", "tiers? <exists>"]
    lines += [f"size = {len(tiers)}", "item []:"]
    for i, (name, intervals) in enumerate(tiers.items(), 1):
        lines += [f"    item [{i}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += ["        xmin = 0", "        xmax = 10", f"        intervals: size = {len(intervals)}"]
        for j, (start, end, text) in enumerate(intervals, 1):
            lines += [f"        intervals [{j}]:", f"            xmin = {start}", f"            xmax = {end}"]
            lines += [f'            text = "{text}"']
    return "\n".join(lines) + "\n"


PHRASES = [(0.0, 1.0, ""), (1.0, 3.0, "Hello you there"), (3.0, 10.0, "")]
WORDS = [(1.0, 1.5, "Hello"), (1.5, 2.0, "you"), (2.0, 3.0, "there"), (3.0, 10.0, "")]
OTHER = [(0.0, 5.0, ""), (5.0, 6.0, "And me too"), (6.0, 10.0, "")]


def test_textgrid_reads_the_tier_of_phrases_and_names_several_speakers(tmp_path: Path):
    path = tmp_path / "a.TextGrid"
    path.write_text(textgrid({"phones": WORDS * 1, "words": WORDS, "Anna": PHRASES, "gloss": PHRASES}), "utf-8")
    assert read_textgrid(path) == [Cue(1, 1.0, 3.0, "Hello you there")]
    path.write_text(textgrid({"words": WORDS, "Anna": PHRASES, "Ben": OTHER}), "utf-16")
    assert read_textgrid(path) == [Cue(1, 1.0, 3.0, "Hello you there", "Anna"), Cue(2, 5.0, 6.0, "And me too", "Ben")]


def test_tier_of_single_words_is_read_where_there_is_no_other():
    assert [tier.name for tier in speech_tiers([Tier("words", WORDS), Tier("phones", WORDS)])] == ["words"]


def test_elan_reads_annotations_by_participant(tmp_path: Path):
    from pympi.Elan import Eaf

    file = Eaf()
    file.add_linguistic_type("utterance")
    file.add_tier("A@x", ling="utterance", part="Anna")
    file.add_tier("B@x", ling="utterance", part="Ben")
    file.add_annotation("A@x", 1000, 3000, "Hello you there")
    file.add_annotation("B@x", 5000, 6000, "And me too")
    file.to_file(str(tmp_path / "a.eaf"))
    assert read_elan(tmp_path / "a.eaf") == [
        Cue(1, 1.0, 3.0, "Hello you there", "Anna"),
        Cue(2, 5.0, 6.0, "And me too", "Ben"),
    ]


SBV = "0:00:01.000,0:00:02.500\nHello\nyou[br]there\n\n1:00:03.000,1:00:04.250\nСпасибо\n"
LRC = """[ti:A talk]
[ar:Anna Maria]
[la:en]
[offset:+500]
[00:01.50] <00:01.50> Hello <00:02.00> you <00:02.75>
[00:10.00][00:03.50]again and again
[00:05.00]
[01:00:03.00] Спасибо
"""


def test_sbv_of_youtube_has_its_times_lines_and_hours(tmp_path: Path):
    (tmp_path / "a.sbv").write_text(SBV.replace("\n", "\r\n"), encoding="utf-8-sig")
    cues = READERS[".sbv"](tmp_path / "a.sbv", "")
    assert [(cue.number, cue.start_s, cue.end_s, cue.text) for cue in cues] == [
        (1, 1.0, 2.5, "Hello\nyou\nthere"),
        (2, 3603.0, 3604.25, "Спасибо"),
    ]


def test_lrc_lines_end_where_the_next_one_starts_and_tags_are_no_text(tmp_path: Path):
    (tmp_path / "a.lrc").write_text(LRC, encoding="utf-8")
    cues = READERS[".lrc"](tmp_path / "a.lrc", "")
    assert [(cue.start_s, cue.end_s, cue.text) for cue in cues] == [
        (1.0, 2.25, "Hello you"),  # the time after its last word, and half a second earlier
        (3.0, 4.5, "again and again"),  # until the empty line
        (9.5, 3602.5, "again and again"),
        (3602.5, math.inf, "Спасибо"),
    ]


@pytest.mark.parametrize(("name", "text"), [("a.sbv", "Hello\n"), ("a.lrc", "[ar:Anna]\nHello\n"), ("a.lrc", "")])
def test_sbv_and_lrc_without_times_are_refused_with_an_example(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"has no line with (times|a time) such as"):
        READERS[Path(name).suffix](tmp_path / name, "")
