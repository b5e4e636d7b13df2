import wave
from pathlib import Path

import av
import numpy as np
import pytest

from qal.audio.blocks import convert_to_wav, read_audio_format, read_blocks, read_time_range, trim_to_wav
from qal.audio.decode import decode
from qal.errors import AudioDecodeError
from tests.fakes import noise
from tests.sounds import sine, write_audio

RATE_HZ = 44_100
NO_LIMIT_S = float("inf")


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "stereo.wav", np.stack([noise(3 * RATE_HZ, 1), noise(3 * RATE_HZ, 2)]), RATE_HZ)


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    path = tmp_path / "x.ogg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", 48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sine(440, 2, 48_000, 0.5)[None], format="flt", layout="mono")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_joined_blocks_equal_the_file_and_its_decoded_samples(stereo):
    blocks = list(read_blocks(stereo, NO_LIMIT_S))
    assert np.concatenate([b.native for b in blocks], axis=1).shape == (2, 3 * RATE_HZ)
    assert np.allclose(blocks[0].native[:, :100], [noise(3 * RATE_HZ, 1)[:100], noise(3 * RATE_HZ, 2)[:100]], atol=1e-4)
    assert np.array_equal(np.concatenate([b.samples for b in blocks]), decode(stereo))


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 3.0), (1.0, 2.5), (0.123, 0.124), (2.99, 3.0)])
def test_trim_to_wav_is_exact_to_the_sample(stereo, tmp_path, start_s, end_s):
    first, last = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
    assert trim_to_wav(stereo, tmp_path / "cut.wav", start_s, end_s) == last - first
    with wave.open(str(tmp_path / "cut.wav")) as trimmed, wave.open(str(stereo)) as original:
        assert (trimmed.getnchannels(), trimmed.getframerate(), trimmed.getnframes()) == (2, RATE_HZ, last - first)
        original.setpos(first)
        assert trimmed.readframes(last) == original.readframes(last - first)


def test_time_range_beyond_the_end_raises_decode_error(stereo, tmp_path):
    with pytest.raises(AudioDecodeError, match=r"ends at 3\.00 s"):
        trim_to_wav(stereo, tmp_path / "cut.wav", 2.0, 3.5)
    with pytest.raises(AudioDecodeError, match=r"ends at 3\.00 s"):
        read_time_range(stereo, 3.0, 4.0)


def test_read_time_range_equals_a_slice_of_the_decoded_file(stereo):
    assert np.array_equal(read_time_range(stereo, 0.5, 1.5), decode(stereo)[8000:24_000])
    assert np.array_equal(read_time_range(stereo, 2.0, NO_LIMIT_S), decode(stereo)[32_000:])


def test_convert_to_wav_makes_a_compressed_file_browser_playable(compressed, tmp_path):
    assert not read_audio_format(compressed).is_browser_playable
    convert_to_wav(compressed, tmp_path / "converted.wav", NO_LIMIT_S)
    assert read_audio_format(tmp_path / "converted.wav").is_browser_playable
    assert np.allclose(decode(tmp_path / "converted.wav"), decode(compressed), atol=1e-4)


def test_audio_format_holds_container_rate_and_channels(stereo):
    audio_format = read_audio_format(stereo)
    assert (audio_format.container, audio_format.rate_hz, audio_format.channels) == ("wav", RATE_HZ, 2)
    assert audio_format.is_browser_playable


@pytest.mark.parametrize("content", [b"", b"not audio at all" * 100, None], ids=["empty", "text", "missing"])
def test_file_without_audio_raises_decode_error_with_its_name(tmp_path, content):
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioDecodeError, match=r"x\.wav"):
        list(read_blocks(path, NO_LIMIT_S))


def test_file_above_the_maximum_duration_raises_decode_error(stereo):
    with pytest.raises(AudioDecodeError, match="longer than"):
        list(read_blocks(stereo, 2.0))
