"""Subtitle tracks inside a video are read as cues; pictures are named with the way out."""

import struct
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.importers.formats import find_format
from qal.corpus.importers.import_source import preview
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.importers.timed.recordings import find_recordings
from qal.corpus.manifest import Corpus
from tests.long_recordings import Spoken, join_utterances, srt
from tests.sounds import write_audio
from tests.videos import write_video

SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i>\nyou\n\n2\n00:00:03,000 --> 00:00:04,000\nСпасибо, да\n"
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:01.00,0:00:02.50,Default,Anna,0,0,0,,{\\an8}Hello\\Nyou
Dialogue: 0,0:00:02.60,0:00:02.80,Default,,0,0,0,,{\\p1}m 0 0 l 1 0
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,Спасибо, да
"""
WRITTEN = {"srt": SRT, "ass": ASS}
CUES = [(1.0, 2.5, "Hello\nyou"), (3.0, 4.0, "Спасибо, да")]
PICTURE_CODEC = b"S_HDMV/PGS\0"  # in place of the name of SubRip in Matroska, which is as long


NOISE = np.random.default_rng(0).normal(0, 0.1, 5 * SAMPLE_RATE).astype(np.float32)


def talk(corpus: Corpus) -> tuple[Samples, list[Spoken]]:
    """Returns two utterances in a row."""
    rows = [row for row in corpus.rows if 1.5 < row.duration_s < 5 and row.text[0].isupper()][:2]
    return join_utterances(corpus, rows, np.random.default_rng(0), pauses_s=(0.6, 1.5))


def write_subtitled(
    path: Path, tracks: Mapping[str, str], samples: Samples = NOISE, written_as: Mapping[str, str] = WRITTEN
) -> Path:
    """Writes a video with a subtitle track for each language, written as srt or ass; returns its path."""
    plain = write_video(path.with_name("plain.mkv"), samples, SAMPLE_RATE, lambda t: 0.0, picture_s=1.0)
    with av.open(str(path), "w") as out, av.open(str(plain)) as video:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in video.streams}
        packets = [(streams[packet.stream.index], packet) for packet in video.demux() if packet.dts is not None]
        for language, kind in tracks.items():
            written = path.with_name(f"subtitles.{kind}")
            written.write_text(written_as[kind], encoding="utf-8")
            with av.open(str(written)) as subtitles:
                track = out.add_stream_from_template(subtitles.streams[0])
                track.metadata["language"] = language
                packets += [(track, packet) for packet in subtitles.demux() if packet.dts is not None]
            written.unlink()
        for stream, packet in sorted(packets, key=_time_of):
            packet.stream = stream
            out.mux(packet)
    plain.unlink()
    return path


def _time_of(pair: tuple[Any, Any]) -> float:
    return float(pair[1].dts * pair[1].time_base)


def write_mov_text(path: Path) -> Path:
    """Writes an MP4 with a track of timed text; returns its path."""
    plain = write_video(path.with_name("plain.mkv"), NOISE, SAMPLE_RATE, lambda t: 0.0, picture_s=1.0)
    with av.open(str(path), "w") as out, av.open(str(plain)) as video:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in video.streams}
        track: Any = out.add_stream("mov_text")
        track.codec_context.subtitle_header = ASS.encode()
        packets = [(streams[packet.stream.index], packet) for packet in video.demux() if packet.dts is not None]
        for start_s, end_s, text in CUES:
            encoded = text.encode()
            packet = av.Packet(struct.pack(">H", len(encoded)) + encoded)
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = round(1000 * start_s)
            packet.duration = round(1000 * (end_s - start_s))
            packets.append((track, packet))
        for stream, packet in sorted(packets, key=_time_of):
            packet.stream = stream
            out.mux(packet)
    plain.unlink()
    return path


@pytest.mark.parametrize(("name", "kind"), [("talk.mkv", "srt"), ("talk.mkv", "ass"), ("talk.mp4", "mov_text")])
def test_text_subtitle_track_of_a_video_without_a_text_beside_it_is_read(tmp_path: Path, name: str, kind: str):
    if kind == "mov_text":
        write_mov_text(tmp_path / name)
    else:
        write_subtitled(tmp_path / name, {"eng": kind})
    assert find_format(tmp_path).name == find_format(tmp_path / name).name == "subtitles"
    (found,) = find_recordings(tmp_path)
    cues = found.read_cues("")
    assert [(cue.start_s, cue.end_s) for cue in cues] == [pytest.approx((start, end)) for start, end, _ in CUES]
    assert cues[1].text == "Спасибо, да"
    assert cues[0].text.endswith("you")
    assert cues[0].speaker == ("Anna" if kind == "ass" else "")


def test_sentences_of_an_embedded_track_become_examples_in_its_language(tmp_path: Path, russian_corpus: Corpus):
    samples, spoken = talk(russian_corpus)
    subtitles = srt([(s.start_s, s.end_s, s.text) for s in spoken])
    write_subtitled(tmp_path / "talk.mkv", {"rus": "srt"}, samples, {"srt": subtitles})
    shown = preview(tmp_path, ListingOptions())
    assert [row.text for row in shown.rows] == [s.text for s in spoken]
    assert [(row.language, row.place) for row in shown.rows] == [("ru", "talk.mkv, cue 1"), ("ru", "talk.mkv, cue 2")]
    assert not shown.problems


def test_language_chooses_between_subtitle_tracks_and_a_file_beside_the_video_wins(tmp_path: Path):
    video = write_subtitled(tmp_path / "talk.mkv", {"eng": "ass", "rus": "srt"})
    (undecided,) = find_recordings(video)
    assert undecided.reason == "has cues in en and ru; choose one with --language"
    (russian,) = find_recordings(video, "ru")
    assert (russian.track, russian.language) == (1, "ru")
    (other,) = find_recordings(video, "am")
    assert "state their language" in other.reason
    (tmp_path / "talk.srt").write_text(SRT, encoding="utf-8")
    (beside,) = find_recordings(video, "am")
    assert (beside.track, beside.cue_file) == (None, tmp_path / "talk.srt")


def test_subtitles_that_are_pictures_are_named_in_a_sentence(tmp_path: Path):
    video = write_subtitled(tmp_path / "talk.mkv", {"eng": "srt"})
    content = video.read_bytes()
    assert content.count(b"S_TEXT/UTF8") == 1
    video.write_bytes(content.replace(b"S_TEXT/UTF8", PICTURE_CODEC))
    (found,) = find_recordings(video)
    assert found.reason == (
        "its subtitles are pictures (hdmv_pgs_subtitle), which hold no text; put a file of subtitles with text, "
        "such as talk.srt, beside it"
    )


def test_videos_that_a_table_lists_are_not_read_by_their_subtitle_tracks(tmp_path: Path):
    write_subtitled(tmp_path / "talk.mkv", {"eng": "srt"})
    (tmp_path / "clips.csv").write_text("file,text\ntalk.mkv,Hello you\n", encoding="utf-8")
    assert find_format(tmp_path).name == "table"


def test_last_line_of_lrc_ends_with_its_recording(tmp_path: Path, russian_corpus: Corpus):
    samples, spoken = talk(russian_corpus)
    write_audio(tmp_path / "talk.wav", samples)
    lines = [f"[00:{s.start_s:05.2f}]{s.text}" for s in spoken]
    (tmp_path / "talk.lrc").write_text("\n".join(["[ar:Anna]", *lines]), encoding="utf-8")
    shown = preview(tmp_path, ListingOptions("ru"))
    assert [row.text for row in shown.rows] == [s.text for s in spoken]
    assert not shown.problems
