import wave
from pathlib import Path

import av
import numpy as np
import pytest

from qal.audio.blocks import cut_wav, heard_part, read_blocks, sound_format, write_heard
from qal.audio.decode import decode
from qal.errors import AudioDecodeError
from tests.fakes import noise
from tests.sounds import sine, write

RATE = 44_100
LONG = float("inf")


@pytest.fixture
def stereo(tmp_path: Path) -> Path:
    return write(tmp_path / "stereo.wav", np.stack([noise(3 * RATE, 1), noise(3 * RATE, 2)]), RATE)


@pytest.fixture
def compressed(tmp_path: Path) -> Path:
    path = tmp_path / "x.ogg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libopus", 48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sine(440, 2, 48_000, 0.5)[None], format="flt", layout="mono")
        frame.sample_rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path


def test_blocks_joined_are_the_file_and_what_the_model_hears_of_it(stereo):
    found = list(read_blocks(stereo, LONG))
    assert np.concatenate([b.native for b in found], axis=1).shape == (2, 3 * RATE)
    assert np.allclose(found[0].native[:, :100], [noise(3 * RATE, 1)[:100], noise(3 * RATE, 2)[:100]], atol=1e-4)
    assert np.array_equal(np.concatenate([b.heard for b in found]), decode(stereo))


@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 3.0), (1.0, 2.5), (0.123, 0.124), (2.99, 3.0)])
def test_a_cut_is_exact_to_the_sample(stereo, tmp_path, start_s, end_s):
    first, last = round(start_s * RATE), round(end_s * RATE)
    assert cut_wav(stereo, tmp_path / "cut.wav", start_s, end_s) == last - first
    with wave.open(str(tmp_path / "cut.wav")) as cut, wave.open(str(stereo)) as whole:
        assert (cut.getnchannels(), cut.getframerate(), cut.getnframes()) == (2, RATE, last - first)
        whole.setpos(first)
        assert cut.readframes(last) == whole.readframes(last - first)


def test_a_cut_beyond_the_end_is_refused(stereo, tmp_path):
    with pytest.raises(AudioDecodeError, match=r"ends at 3\.00 s"):
        cut_wav(stereo, tmp_path / "cut.wav", 2.0, 3.5)
    with pytest.raises(AudioDecodeError, match=r"ends at 3\.00 s"):
        heard_part(stereo, 3.0, 4.0)


def test_a_part_is_what_the_model_hears_of_it(stereo):
    assert np.array_equal(heard_part(stereo, 0.5, 1.5), decode(stereo)[8000:24_000])
    assert np.array_equal(heard_part(stereo, 2.0, LONG), decode(stereo)[32_000:])


def test_a_compressed_file_becomes_a_wav_that_every_browser_plays(compressed, tmp_path):
    assert not sound_format(compressed).is_exact
    write_heard(compressed, tmp_path / "heard.wav", LONG)
    assert sound_format(tmp_path / "heard.wav").is_exact
    assert np.allclose(decode(tmp_path / "heard.wav"), decode(compressed), atol=1e-4)


def test_a_file_says_its_rate_and_channels(stereo):
    form = sound_format(stereo)
    assert (form.container, form.rate_hz, form.channels, form.is_exact) == ("wav", RATE, 2, True)


@pytest.mark.parametrize("content", [b"", b"not audio at all" * 100, None], ids=["empty", "text", "gone"])
def test_what_is_no_sound_is_one_sentence(tmp_path, content):
    path = tmp_path / "x.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioDecodeError, match=r"x\.wav"):
        list(read_blocks(path, LONG))


def test_a_file_that_is_too_long_is_refused(stereo):
    with pytest.raises(AudioDecodeError, match="longer than"):
        list(read_blocks(stereo, 2.0))
