"""The sound of any file: damaged, cut short, joined, with several tracks or channels, at the times of the file."""

import re
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.decoding.channel_use import NOTHING_TO_SEPARATE
from qal.audio.mix import CANCELLED
from qal.audio.samples import SAMPLE_RATE
from qal.audio.sound_choice import DEFAULT_SOUND, SoundChoice
from qal.audio.sound_file import BLOCK_S, SoundFile
from qal.errors import AudioDecodeError, NotFiniteAudioError
from tests.encoded_sounds import Track, cut_short, damage, join, write_encoded, write_tracks
from tests.fakes import noise
from tests.sounds import sine, write_audio, write_float_audio
from tests.videos import write_video

TONE_S = 0.3
LOUD = 0.1


def sound_of(
    path: Path, choice: SoundChoice = DEFAULT_SOUND, language: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """The samples of a file, (channels, n), and its notes."""
    file = SoundFile(path, choice, language)
    samples = np.concatenate([*file.blocks()], axis=1)
    assert len(samples) == file.channels
    return samples, file.notes


def beeps(duration_s: float, rate_hz: int, hz: float = 440) -> np.ndarray:
    """A tone of TONE_S at each full second."""
    sound = sine(hz, duration_s, rate_hz, 0.5)
    sound[(np.arange(len(sound)) / rate_hz) % 1 >= TONE_S] = 0
    return sound


def starts_s(samples: np.ndarray) -> np.ndarray:
    """The times at which it becomes loud after 0.2 s of silence."""
    step = SAMPLE_RATE // 100
    loud = np.abs(samples[: len(samples) // step * step]).reshape(-1, step).max(axis=1) > LOUD
    times = np.flatnonzero(loud) / 100
    return times[np.diff(times, prepend=-1.0) > 0.2]


def pitch_hz(samples: np.ndarray, start_s: float, end_s: float) -> float:
    part = samples[round(start_s * SAMPLE_RATE) : round(end_s * SAMPLE_RATE)]
    return float(np.abs(np.fft.rfft(part * np.hanning(len(part)))).argmax() * SAMPLE_RATE / len(part))


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz"),
    [
        ("a.mp3", "libmp3lame", 44_100),
        ("a.m4a", "aac", 44_100),
        ("a.aac", "aac", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("a.webm", "libopus", 48_000),
        ("a.flac", "flac", 48_000),
        ("a.ac3", "ac3", 48_000),
        ("a.wav", "pcm_u8", 8_000),
        ("a.wav", "pcm_s24le", 44_100),
        ("a.wav", "pcm_alaw", 8_000),
        ("a.wav", "pcm_mulaw", 8_000),
        ("a.g722", "g722", 16_000),
        ("take (1) [final] #2 50% & «ю».wav", "pcm_s16le", 22_050),
    ],
)
def test_times_do_not_include_the_delay_of_the_encoder(tmp_path: Path, name: str, codec: str, rate_hz: int):
    path = write_encoded(tmp_path / name, beeps(6, rate_hz), codec, rate_hz)
    samples, notes = sound_of(path)
    assert starts_s(samples[0]) == pytest.approx(np.arange(6.0), abs=0.06)
    assert notes == []


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
@pytest.mark.parametrize("late_s", [0.0, 2.5])
def test_sound_that_starts_late_in_a_video_stands_where_the_picture_says(tmp_path: Path, suffix: str, late_s: float):
    path = write_video(tmp_path / f"a.{suffix}", beeps(4, 48_000), 48_000, lambda time_s: late_s)
    samples, notes = sound_of(path)
    assert starts_s(samples[0]) == pytest.approx(late_s + np.arange(4.0), abs=0.1)
    assert notes == []


def test_edit_list_before_the_sound_of_an_mp4_without_picture_is_silence(tmp_path: Path):
    path = write_video(tmp_path / "a.m4a", beeps(3, 48_000), 48_000, lambda time_s: 2.0, picture_s=0)
    assert starts_s(sound_of(path)[0][0]) == pytest.approx([2, 3, 4], abs=0.1)


def test_hole_is_silence_and_noted(tmp_path: Path):
    path = write_video(tmp_path / "a.mkv", beeps(6, 48_000), 48_000, lambda time_s: 0.0 if time_s < 2.6 else 4.0)
    samples, notes = sound_of(path)
    assert starts_s(samples[0]) == pytest.approx([0, 1, 2, 7, 8, 9], abs=0.1)
    assert (
        notes == ["0:02 to 0:07 is missing or damaged in the file, and silence takes its place"] or "0:07" in notes[0]
    )


def test_blocks_are_short_even_where_much_silence_is_filled_in(tmp_path: Path):
    path = write_video(tmp_path / "a.mkv", beeps(2, 48_000), 48_000, lambda time_s: 0.0 if time_s < 1 else 900.0)
    lengths_s = [block.shape[1] / SAMPLE_RATE for block in SoundFile(path).blocks()]
    assert sum(lengths_s) == pytest.approx(902, abs=0.5)
    assert max(lengths_s) < BLOCK_S + 12  # a silent frame of 48 kHz has 11 s
    assert min(lengths_s[:-1]) >= BLOCK_S


def test_long_packet_does_not_make_a_long_block(tmp_path: Path):
    channels = np.zeros((1, 30 * 48_000), np.float32)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(channels.astype(np.int16), "s16", "mono")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    lengths_s = [block.shape[1] / SAMPLE_RATE for block in SoundFile(tmp_path / "a.mkv").blocks()]
    assert max(lengths_s) <= BLOCK_S + 1
    assert sum(lengths_s) == pytest.approx(30, abs=0.01)


@pytest.mark.parametrize(
    ("suffix", "codec", "first_hz", "second_hz"),
    [
        ("mp3", "libmp3lame", 16_000, 44_100),
        ("mp3", "libmp3lame", 48_000, 22_050),
        ("aac", "aac", 44_100, 16_000),
        ("aac", "aac", 16_000, 44_100),
        ("ogg", "libopus", 48_000, 16_000),
        ("wav", "pcm_s16le", 44_100, 16_000),
        ("ts", "aac", 44_100, 24_000),
    ],
)
def test_rate_and_channels_may_change_in_a_joined_file(tmp_path: Path, suffix: str, codec: str, first_hz, second_hz):
    first = write_encoded(tmp_path / f"1.{suffix}", beeps(6, first_hz, 440), codec, first_hz, "stereo")
    second = write_encoded(tmp_path / f"2.{suffix}", beeps(6, second_hz, 880), codec, second_hz, "mono")
    path = join(tmp_path / f"joined.{suffix}", first, second)
    samples, notes = sound_of(path)
    found_s = starts_s(samples[0])
    assert found_s == pytest.approx(np.arange(12.0), abs=0.25)
    assert [round(pitch_hz(samples[0], s, s + 0.25) / 440) for s in found_s] == [1] * 6 + [2] * 6
    assert notes == []
    assert np.array_equal(decode(path), samples[0])


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz"),
    [
        ("a.mp3", "libmp3lame", 44_100),
        ("a.m4a", "aac", 44_100),
        ("a.ac3", "ac3", 48_000),
        ("a.flac", "flac", 44_100),
        ("a.ogg", "libopus", 48_000),
        ("a.webm", "libopus", 48_000),
        ("a.ts", "aac", 44_100),
    ],
)
def test_damaged_part_is_left_out_and_noted_and_the_rest_keeps_its_time(tmp_path: Path, name, codec, rate_hz):
    sound = beeps(16, rate_hz) + 0.02 * noise(16 * rate_hz, 1)  # noise, so that the file has bytes everywhere
    path = damage(write_encoded(tmp_path / name, sound, codec, rate_hz), 0.5, 0.54)
    samples, notes = sound_of(path)
    found_s = starts_s(samples[0])
    assert found_s[found_s < 5.5] == pytest.approx(np.arange(6.0), abs=0.1)
    assert found_s[found_s > 11.5] == pytest.approx(np.arange(12.0, 16), abs=0.3)
    assert len(notes) == 1
    assert re.search(r"0:0[5-9] to 0:(09|1\d) ", notes[0])
    assert "damaged" in notes[0]


def test_damaged_file_is_no_example(tmp_path: Path):
    sound = sine(440, 10, 44_100, 0.5)
    path = damage(write_encoded(tmp_path / "a.mp3", sound, "libmp3lame", 44_100), 0.5, 0.56)
    with pytest.raises(AudioDecodeError, match=r"a\.mp3: 0:0\d to 0:0\d is damaged and was left out; copy"):
        decode(path)
    assert len(decode(path, is_example=False)) == pytest.approx(10 * SAMPLE_RATE, rel=0.02)


@pytest.mark.parametrize(
    ("name", "codec", "options", "note"),
    [
        ("a.flac", "flac", {}, "cut off"),
        ("a.wav", "pcm_s16le", {}, "cut off"),
        ("a.aiff", "pcm_s16be", {}, "cut off"),
        ("a.webm", "libopus", {}, "cut off"),
        ("a.mp4", "aac", {"movflags": "faststart"}, "cut off"),
        ("a.mp4", "aac", {"movflags": "frag_keyframe+empty_moov", "frag_duration": "1000000"}, "end of the file"),
        ("a.ogg", "libopus", {}, ""),
        ("a.mp3", "libmp3lame", {}, ""),
    ],
)
def test_file_that_is_cut_short_gives_what_is_whole(tmp_path: Path, name, codec, options, note):
    sound = beeps(10, 48_000) + 0.02 * noise(10 * 48_000, 1)
    path = cut_short(write_tracks(tmp_path / name, [Track(sound[None], 48_000, codec)], options), 0.6)
    samples, notes = sound_of(path)
    assert starts_s(samples[0])[:5] == pytest.approx(np.arange(5.0), abs=0.06)
    assert samples.shape[1] < 8 * SAMPLE_RATE
    assert note in "".join(notes)


def test_mp4_that_lost_its_index_is_refused_with_the_reason(tmp_path: Path):
    path = cut_short(write_encoded(tmp_path / "a.m4a", beeps(10, 44_100), "aac", 44_100), 0.6)
    with pytest.raises(AudioDecodeError, match="has no index, because it was cut off"):
        SoundFile(path)


def test_tag_at_the_end_of_an_mp3_is_no_damage(tmp_path: Path):
    path = write_encoded(tmp_path / "a.mp3", beeps(3, 44_100), "libmp3lame", 44_100)
    path.write_bytes(path.read_bytes() + b"APETAGEX" + bytes(300) + b"TAG" + bytes(125))
    assert sound_of(path)[1] == []
    decode(path)


@pytest.fixture
def two_tracks(tmp_path: Path) -> Path:
    """A film with a Russian track of 440 Hz, an English default one of 880 Hz and one without a language."""
    tracks = [
        Track(sine(440, 2, 16_000, 0.5)[None], language="rus"),
        Track(sine(880, 2, 16_000, 0.5)[None], language="eng", is_default=True),
        Track(sine(1320, 2, 16_000, 0.5)[None]),
    ]
    return write_tracks(tmp_path / "film.mkv", tracks)


@pytest.mark.parametrize(
    ("track", "language", "hz", "note"),
    [
        ("auto", None, 880, "audio track 2 of 3 is used (English)"),
        ("auto", "ru", 440, "audio track 1 of 3 is used (Russian)"),
        ("auto", "am", 880, "audio track 2 of 3 is used (English)"),
        ("3", "ru", 1320, "audio track 3 of 3 is used"),
        ("1", None, 440, "audio track 1 of 3 is used (Russian)"),
        ("ru", None, 440, "audio track 1 of 3 is used (Russian)"),
        ("Russian", "en", 440, "audio track 1 of 3 is used (Russian)"),
        ("eng", None, 880, "audio track 2 of 3 is used (English)"),
    ],
)
def test_track_is_the_chosen_one_or_that_of_the_language_or_the_default(two_tracks, track, language, hz, note):
    samples, notes = sound_of(two_tracks, SoundChoice(track=track), language)
    assert pitch_hz(samples[0], 0.5, 1.5) == pytest.approx(hz, abs=5)
    assert notes == [note]


@pytest.mark.parametrize("track", ["4", "0", "de", "commentary", ""])
def test_missing_track_is_refused_and_the_others_are_named(two_tracks, track):
    with pytest.raises(AudioDecodeError, match=r"film\.mkv: has no audio track .*1 \(Russian\), 2 \(English\), 3$"):
        SoundFile(two_tracks, SoundChoice(track=track))


def test_file_with_one_track_says_nothing_of_tracks(tmp_path: Path):
    file = SoundFile(write_audio(tmp_path / "a.wav", sine(440, 1)))
    assert [str(track) for track in file.tracks] == ["1"]
    assert (file.channels, file.declared_duration_s) == (1, 1.0)
    list(file.blocks())
    assert file.notes == []


SEPARATE = SoundChoice(channels="separate")


def test_separate_channels_are_rows(tmp_path: Path):
    left, right = sine(300, 12, amplitude=0.5), sine(900, 12, amplitude=0.25)
    samples, notes = sound_of(write_audio(tmp_path / "call.wav", np.stack([left, right])), SEPARATE)
    assert np.allclose(samples, [left, right], atol=1e-4)
    assert notes == []


def test_single_channel_has_nothing_to_separate_and_says_so(tmp_path: Path):
    samples, notes = sound_of(write_audio(tmp_path / "a.wav", sine(440, 1)), SEPARATE)
    assert len(samples) == 1
    assert notes == [NOTHING_TO_SEPARATE]


def test_number_of_separate_rows_stays_where_the_channels_change(tmp_path: Path):
    parts = [
        write_encoded(tmp_path / f"{layout}.mp3", sine(440, 2, 44_100, 0.5), "libmp3lame", 44_100, layout)
        for layout in ("stereo", "mono")
    ]
    samples, _ = sound_of(join(tmp_path / "a.mp3", *parts), SEPARATE)
    assert np.abs(samples[:, -SAMPLE_RATE:-4000]).max(axis=1) == pytest.approx([0.5, 0.5], abs=0.1)


def test_inverted_channels_are_heard_and_noted(tmp_path: Path):
    sound = sine(440, 3, amplitude=0.5)
    samples, notes = sound_of(write_audio(tmp_path / "a.wav", np.stack([sound, -sound])))
    assert np.allclose(samples[0], sound, atol=1e-4)
    assert notes == [CANCELLED]


def surround(tmp_path: Path, layout: str, **channels: np.ndarray) -> Path:
    """Writes a FLAC file with the given channels; the others are silent."""
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    n = len(next(iter(channels.values())))
    silent = np.zeros(n, np.float32)
    return write_encoded(
        tmp_path / "a.flac", np.stack([channels.get(name, silent) for name in names]), "flac", 16_000, layout
    )


@pytest.mark.parametrize("layout", ["5.1", "7.1", "3.0", "5.0"])
def test_centre_of_surround_sound_is_used_at_full_level_in_pauses_too(tmp_path: Path, layout: str):
    speech, music = beeps(6, 16_000, 440), sine(1000, 6, amplitude=0.25)
    speech[2 * SAMPLE_RATE : 5 * SAMPLE_RATE] = 0
    samples, notes = sound_of(surround(tmp_path, layout, FC=speech, FL=music, FR=music))
    assert np.allclose(samples[0], speech, atol=1e-3)
    assert "the centre is used" in notes[0]


@pytest.mark.parametrize("layout", ["5.1", "7.1", "quad", "2.1"])
def test_surround_sound_without_a_centre_is_mixed_without_the_low_frequencies(tmp_path: Path, layout: str):
    speech, bass = sine(440, 3, amplitude=0.5), sine(60, 3, amplitude=0.9)
    names = {channel.name for channel in av.AudioLayout(layout).channels}
    channels = {"FL": speech, "FR": speech} | ({"LFE": bass} if "LFE" in names else {})
    samples, notes = sound_of(surround(tmp_path, layout, **channels))
    assert pitch_hz(samples[0], 1, 2) == pytest.approx(440, abs=5)
    assert np.abs(np.fft.rfft(samples[0][:SAMPLE_RATE]))[60] < 50  # of 4000 at full level
    assert "mixed to one" in notes[0]


def test_centre_that_is_silent_for_long_lets_the_other_channels_be_heard(tmp_path: Path):
    speech, other = np.zeros(20 * SAMPLE_RATE, np.float32), sine(880, 20, amplitude=0.5)
    speech[: 2 * SAMPLE_RATE] = sine(440, 2, amplitude=0.5)
    other[: 2 * SAMPLE_RATE] = 0
    samples, notes = sound_of(surround(tmp_path, "5.1", FC=speech, FL=other, FR=other))
    assert pitch_hz(samples[0], 0.5, 1.5) == pytest.approx(440, abs=5)
    assert pitch_hz(samples[0], 18, 19) == pytest.approx(880, abs=5)
    assert "where it is silent" in notes[0]


def test_six_channels_without_names_are_those_of_5_1(tmp_path: Path):
    speech, bass = sine(440, 3, amplitude=0.5), sine(60, 3, amplitude=0.9)
    silent = np.zeros_like(speech)
    path = write_audio(tmp_path / "a.wav", np.stack([silent, silent, speech, bass, silent, silent]))
    assert np.allclose(sound_of(path)[0][0], speech, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("step", [7, 5000])
def test_samples_that_are_no_numbers_count_as_zero(tmp_path: Path, value: float, step: int):
    samples = sine(440, 6, amplitude=0.5)
    samples[::step] = value
    found, notes = sound_of(write_float_audio(tmp_path / "a.wav", samples))
    assert np.array_equal(found[0], np.where(np.isfinite(samples), samples, 0))
    assert "are not numbers and count as zero" in notes[0]


def test_file_without_a_number_has_no_sound(tmp_path: Path):
    with pytest.raises(NotFiniteAudioError, match=r"a\.wav: 100 %"):
        sound_of(write_float_audio(tmp_path / "a.wav", np.full(16_000, np.nan, np.float32)))


def test_file_without_samples_is_refused(tmp_path: Path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
    with pytest.raises(AudioDecodeError, match="holds no audio samples"):
        sound_of(tmp_path / "a.wav")


def test_check_stops_the_blocks(tmp_path: Path):
    def stop() -> None:
        raise InterruptedError

    path = write_audio(tmp_path / "a.wav", sine(440, 1))
    with pytest.raises(InterruptedError):
        list(SoundFile(path, check=stop).blocks())
