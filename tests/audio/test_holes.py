"""Holes in a sound track become silence, so that every sample is at the time that the file states."""

from pathlib import Path

import av
import numpy as np
import pytest

from qal.audio.blocks import read_blocks, trim_to_wav
from qal.audio.decode import decode
from qal.audio.holes import MAX_HOLE_S, MAX_SILENCE_S, Hole, SilenceFiller
from qal.audio.samples import SAMPLE_RATE
from tests.sounds import sine, write_audio
from tests.videos import write_video

RATE_HZ = 48_000
TONE_S = 0.5


def write_tones(
    path: Path, starts_s: list[float], codec: str = "aac", layout: str = "mono", picture_s: float = 0.4
) -> Path:
    """Writes a video with a tone of TONE_S at each time, and nothing between them."""

    def moved_s(time_s: float) -> float:
        index = min(len(starts_s) - 1, int(time_s / TONE_S))
        return starts_s[index] - index * TONE_S

    return write_video(
        path, sine(440, TONE_S * len(starts_s), RATE_HZ, 0.5), RATE_HZ, moved_s, codec, layout, picture_s
    )


def tones(samples: np.ndarray) -> list[tuple[float, float]]:
    """The start and end of each tone in seconds."""
    loud = np.abs(samples[: len(samples) // 800 * 800]).reshape(-1, 800).max(axis=1) > 0.1
    edges = np.flatnonzero(np.diff(loud, prepend=False, append=False)) * 800 / SAMPLE_RATE
    return list(zip(edges[::2], edges[1::2], strict=True))


def assert_tones(samples: np.ndarray, starts_s: list[float]) -> None:
    found = tones(samples)
    assert [start_s for start_s, _ in found] == pytest.approx(starts_s, abs=0.1)
    assert [end_s for _, end_s in found] == pytest.approx([start_s + TONE_S for start_s in starts_s], abs=0.1)


@pytest.mark.parametrize(
    ("suffix", "codec", "layout"),
    [
        ("mkv", "aac", "stereo"),
        ("mp4", "aac", "mono"),
        ("mkv", "libopus", "mono"),
        ("mkv", "flac", "7.1"),
        ("mkv", "pcm_u8", "mono"),
    ],
)
def test_late_start_and_hole_of_a_video_are_silence_for_every_reader(tmp_path: Path, suffix, codec, layout):
    starts_s = [1.5, 2.0, 5.0]
    path = write_tones(tmp_path / f"a.{suffix}", starts_s, codec, layout)
    merged = [(1.5, 2.5), (5.0, 5.5)]
    samples = decode(path)
    assert np.array(tones(samples)) == pytest.approx(np.array(merged), abs=0.15)  # a packet of FLAC has 0.1 s
    blocks = list(read_blocks(path, 60))
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), samples)
    native_s = sum(block.native.shape[1] for block in blocks) / RATE_HZ
    assert native_s == pytest.approx(len(samples) / SAMPLE_RATE, abs=0.01)
    trim_to_wav(path, tmp_path / "cut.wav", 4.5, 5.25)
    assert np.array(tones(decode(tmp_path / "cut.wav"))) == pytest.approx(np.array([(0.5, 0.75)]), abs=0.1)


def test_file_of_sound_alone_begins_with_its_sound_whatever_its_times(tmp_path: Path):
    path = write_tones(tmp_path / "radio.mka", [3000.0, 3001.0], picture_s=0)
    assert_tones(decode(path), [0.0, 1.0])


def silent_s(filler: SilenceFiller, times_s: list[float | None]) -> float:
    """Feeds frames of 20 ms at the given times and returns the seconds of silence among them."""
    frame = av.AudioFrame.from_ndarray(np.ones((1, 320), np.int16), "s16", "mono")
    frame.sample_rate = SAMPLE_RATE
    parts = [part for time_s in times_s for part in filler.feed(frame, time_s)]
    return sum(part.samples for part in parts if not part.to_ndarray().any()) / SAMPLE_RATE


def every_20_ms(start_s: float, count: int) -> list[float]:
    return [start_s + 0.02 * i for i in range(count)]


@pytest.mark.parametrize(
    ("times_s", "filled_s"),
    [
        (every_20_ms(0, 50), 0),
        ([None] * 50, 0),
        ([time_s + 0.03 * (i % 3) for i, time_s in enumerate(every_20_ms(0, 50))], 0),  # jitter
        ([*every_20_ms(0, 50), *every_20_ms(2, 50)], 1),
        ([*every_20_ms(0, 50), *every_20_ms(0.9, 50)], 0),  # times that overlap a little
        ([*every_20_ms(100, 50), *every_20_ms(0, 50), *every_20_ms(2, 50)], 1),  # times that begin anew
        ([*every_20_ms(0, 50), *every_20_ms(MAX_HOLE_S + 2, 50)], 0),  # damaged times
        ([0.04 * i for i in range(50)], 1),  # every second packet is lost
        ([3000.0 * i for i in range(50)], MAX_SILENCE_S // 3000 * 3000),
    ],
)
def test_silence_is_as_long_as_the_hole_and_bounded(times_s: list[float | None], filled_s: float):
    assert silent_s(SilenceFiller(), times_s) == pytest.approx(filled_s, abs=0.11)


def test_holes_are_listed_from_the_first_sample():
    filler = SilenceFiller(10.0)
    silent_s(filler, [12.0, 12.02, 15.0])
    assert np.array(filler.holes) == pytest.approx(np.array([(0.0, 2.0), (2.04, 5.0)]))
    assert isinstance(filler.holes[0], Hole)


def test_formats_without_holes_are_read_as_before(tmp_path: Path):
    for name, codec in (("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.ogg", "libopus"), ("a.wma", "wmav2")):
        path = write_tones(tmp_path / name, [i * TONE_S for i in range(8)], codec, "mono", picture_s=0)
        assert len(decode(path)) / SAMPLE_RATE == pytest.approx(8 * TONE_S, abs=0.1)
    path = write_audio(tmp_path / "a.wav", sine(440, 3))
    assert len(decode(path)) == 3 * SAMPLE_RATE
