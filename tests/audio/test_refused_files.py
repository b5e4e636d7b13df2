"""Files that would make FFmpeg read other files, addresses or devices, or never end, are refused with one sentence."""

import os
import socket
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qal.audio.analysis import analyse
from qal.audio.blocks import convert_to_wav, read_audio_format, read_time_range, trim_to_wav
from qal.audio.decode import decode, decode_start
from qal.audio.decoding import track_frames
from qal.audio.decoding.opening import FORMATS, OTHER_FORMAT, open_audio
from qal.audio.decoding.track_frames import TrackFrames
from qal.audio.holes import SilenceFiller
from qal.errors import AudioDecodeError
from tests.sounds import sine, write_audio

READERS = {
    "decode": decode,
    "decode_start": lambda path: decode_start(path, 1),
    "read_audio_format": read_audio_format,
    "read_time_range": lambda path: read_time_range(path, 0, 0.1),
    "convert_to_wav": lambda path: convert_to_wav(path, path.with_name("copy.wav"), 60),
    "trim_to_wav": lambda path: trim_to_wav(path, path.with_name("copy.wav"), 0, 0.1),
    "analyse": analyse,
}
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"
ENDLESS_HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n"
CONCAT = "ffconcat version 1.0\nfile '{secret}'\n"
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 50040 RTP/AVP 0\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S" '
    'profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet mimeType="audio/mp4"><Representation '
    'id="a" bandwidth="1"><BaseURL>file://{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>'
)
SYNTHESISER_SCRIPT = "-SE\nx: pink/100\nNOW x\n"  # of FFmpeg's demuxer sbg, which makes sound without an end


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """An MP3-like path that the attacker cannot read; it is a readable WAV file, in another folder."""
    (tmp_path / "private").mkdir()
    return write_audio(tmp_path / "private" / "secret.wav", sine(440, 1, 16_000, 0.5)[None], 16_000)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u8", HLS),
        ("renamed.wav", HLS),
        ("endless.m3u8", ENDLESS_HLS),
        ("list.ffconcat", CONCAT),
        ("renamed.mp3", CONCAT),
        ("stream.sdp", SDP),
        ("renamed.ogg", SDP),
        ("manifest.mpd", DASH),
        ("noise.sbg", SYNTHESISER_SCRIPT),
        ("image%03d.png", "x"),
    ],
)
def test_playlists_and_other_references_are_refused_in_one_sentence(tmp_path, secret, name, content, reader):
    path = tmp_path / name
    path.write_text(content.replace("{secret}", str(secret)))
    with pytest.raises(AudioDecodeError) as refused:
        READERS[reader](path)
    assert str(refused.value).startswith(f"{name}: ")
    assert "give" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(secret) not in str(refused.value)


@pytest.mark.parametrize(("name", "content"), [("list.m3u8", HLS), ("list.ffconcat", CONCAT), ("stream.sdp", SDP)])
def test_refused_playlist_is_named_as_a_playlist(tmp_path, secret, name, content):
    (tmp_path / name).write_text(content.replace("{secret}", str(secret)))
    with pytest.raises(AudioDecodeError, match=OTHER_FORMAT):
        decode(tmp_path / name)


def test_no_demuxer_that_refers_to_other_files_is_allowed():
    refers_to_files = {"hls", "dash", "concat", "sdp", "rtsp", "sap", "rtp", "image2", "image2pipe", "imf", "lavfi"}
    refers_to_files |= {"webm_dash_manifest", "mlv", "vobsub", "sbg", "alsa", "oss", "fbdev", "x11grab"}
    assert refers_to_files.isdisjoint(FORMATS)


@pytest.mark.parametrize("name", ["concat:a.wav|b.wav", "subfile,,start,0,end,0,,:a.wav", "data:audio", "pipe:0"])
def test_file_name_that_looks_like_a_protocol_is_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    expected = sine(440, 1, 16_000, 0.5)
    write_audio(tmp_path / "x.wav", expected[None], 16_000).rename(tmp_path / name)
    assert len(decode(Path(name))) == len(expected)


@pytest.fixture
def not_regular(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """A FIFO that nothing writes to, a device, a socket, a folder, and a link to the FIFO."""
    os.mkfifo(tmp_path / "fifo.wav")
    (tmp_path / "link.wav").symlink_to(tmp_path / "fifo.wav")
    (tmp_path / "folder.wav").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.wav"))
        names = {"fifo": "fifo.wav", "link": "link.wav", "folder": "folder.wav", "socket": "s.wav"}
        yield {"device": Path("/dev/zero"), **{kind: tmp_path / name for kind, name in names.items()}}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["fifo", "link", "device", "socket", "folder"])
def test_only_regular_files_are_decoded(not_regular, kind, reader):
    with pytest.raises(AudioDecodeError, match="not a regular file"):
        READERS[reader](not_regular[kind])


class EndlessContainer:
    """A container whose packets never give a sample, on a scripted clock."""

    format, pos, size = SimpleNamespace(name="mp3"), None, 1

    def __init__(self):
        self.now_s = 0.0

    def demux(self, audio: int) -> Iterator["EndlessContainer"]:
        while True:
            self.now_s += 1
            yield self

    def decode(self) -> list[Any]:
        return []


def test_decoding_that_makes_no_progress_is_given_up(monkeypatch):
    container: Any = EndlessContainer()
    monkeypatch.setattr(track_frames.time, "monotonic", lambda: container.now_s)
    with pytest.raises(AudioDecodeError, match="no sound in 60 s"):
        list(TrackFrames(Path("x.wav"), SilenceFiller(), []).read(container, 0))


def test_slow_reader_of_the_frames_is_no_stall(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(track_frames.time, "monotonic", lambda: clock[0])
    path = write_audio(tmp_path / "x.wav", sine(440, 5, 16_000, 0.5)[None], 16_000)
    with open_audio(path) as container:
        for _ in TrackFrames(path, SilenceFiller(), []).read(container, 0):
            clock[0] += 1000


@pytest.mark.parametrize("reader", ["decode", "read_time_range", "convert_to_wav", "trim_to_wav"])
def test_check_stops_the_decoding(tmp_path, reader):
    path = tmp_path / "long.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(16_000 * 60, "<i2").tobytes())
    calls = []

    def stop_at_the_third_call() -> None:
        calls.append(0)
        if len(calls) == 3:
            raise InterruptedError

    readers = {
        "decode": lambda: decode(path, check=stop_at_the_third_call),
        "read_time_range": lambda: read_time_range(path, 0, 60, stop_at_the_third_call),
        "convert_to_wav": lambda: convert_to_wav(path, tmp_path / "copy.wav", 60, stop_at_the_third_call),
        "trim_to_wav": lambda: trim_to_wav(path, tmp_path / "copy.wav", 50, 60, stop_at_the_third_call),
    }
    with pytest.raises(InterruptedError):
        readers[reader]()
    assert len(calls) == 3


def write_header(path: Path, channels: int, rate_hz: int) -> Path:
    """Writes a WAV file of 1,000 frames of silence with any number of channels and any rate."""
    data = bytes(2 * channels * 1000)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate_hz, 2 * channels * rate_hz & 0xFFFFFFFF, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("rate_hz", [1, 3999, 768_001, 2**31 - 1])
def test_rates_that_no_recording_has_are_refused_before_resampling(tmp_path, reader, rate_hz):
    with pytest.raises(AudioDecodeError, match="which cannot be used"):
        READERS[reader](write_header(tmp_path / "x.wav", 1, rate_hz))


def test_trimmed_range_has_a_limited_size(tmp_path):
    path = write_header(tmp_path / "x.wav", 8, 768_000)
    with pytest.raises(AudioDecodeError, match="choose a shorter one"):
        trim_to_wav(path, tmp_path / "copy.wav", 0, 24 * 3600)
    assert not (tmp_path / "copy.wav").exists()


@pytest.mark.parametrize("reader", READERS)
def test_sound_in_an_unknown_codec_is_refused_in_one_sentence(tmp_path, reader):
    path = write_header(tmp_path / "x.wav", 1, 16_000)
    content = bytearray(path.read_bytes())
    content[20:22] = b"\x99\x99"  # the codec's number
    path.write_bytes(content)
    with pytest.raises(AudioDecodeError, match="WAV, FLAC"):
        READERS[reader](path)
