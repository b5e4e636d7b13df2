import io
import os
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from qal.errors import AudioDecodeError
from ui_components.live.fallback.chunks import MAX_FILE_AGE_S, AudioLossMeter, ChunkFiles, read_chunk


def wav(pcm: np.ndarray, rate: int = 48_000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("shape", [(480,), (480, 2)])
def test_read_chunk_returns_the_samples_of_the_wav_file(tmp_path, shape):
    pcm = np.random.default_rng(0).integers(-32768, 32767, shape).astype(np.int16)
    (tmp_path / "audio.wav").write_bytes(wav(pcm))
    rate, read = read_chunk(tmp_path / "audio.wav")
    assert rate == 48_000
    np.testing.assert_array_equal(read, pcm)


def test_read_chunk_ignores_the_sizes_in_the_wav_header(tmp_path):
    header = wav(np.zeros(10, np.int16))[:44]
    pcm = np.arange(500, dtype=np.int16)
    half_sample = b"\x01"
    (tmp_path / "audio.wav").write_bytes(header + pcm.tobytes() + half_sample)
    np.testing.assert_array_equal(read_chunk(tmp_path / "audio.wav").pcm, pcm)


def test_chunk_that_is_not_wav_is_an_audio_decode_error(tmp_path):
    (tmp_path / "audio.webm").write_bytes(b"\x1aE\xdf\xa3" + bytes(100))
    with pytest.raises(AudioDecodeError):
        read_chunk(tmp_path / "audio.webm")


def write_file(path: Path, age_s: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.touch()
    modified = time.time() - age_s
    os.utime(path, (modified, modified))
    return path


def test_old_chunk_files_are_deleted_with_their_folders_and_new_ones_are_kept(tmp_path):
    files = ChunkFiles()
    new = write_file(tmp_path / "new" / "audio.wav", 0)
    files.add(write_file(tmp_path / "old" / "audio.wav", MAX_FILE_AGE_S + 1))
    files.add(new)
    assert list(tmp_path.iterdir()) == [new.parent]
    files.delete_old(max_age_s=0)
    assert list(tmp_path.iterdir()) == []


def test_chunk_file_that_is_uploaded_again_is_not_old(tmp_path):
    files = ChunkFiles()
    silence = write_file(tmp_path / "silence" / "audio.wav", 0)
    files.add(silence)
    write_file(silence, MAX_FILE_AGE_S + 1)
    write_file(silence, 0)  # equal chunks share one file
    files.delete_old()
    assert silence.exists()


def test_chunk_file_that_was_already_deleted_is_no_error(tmp_path):
    files = ChunkFiles()
    files.add(write_file(tmp_path / "chunk" / "audio.wav", 0))
    (tmp_path / "chunk" / "audio.wav").unlink()
    files.delete_old()
    assert list(tmp_path.iterdir()) == []


def test_audio_loss_is_the_elapsed_time_without_received_audio():
    steady, late, lossy = AudioLossMeter(), AudioLossMeter(), AudioLossMeter()
    assert [steady.add_chunk(10 + 0.25 * i, 0.25) for i in range(8)] == [0.0] * 8
    assert late.add_chunk(10.0, 0.25) == 0.0
    assert late.add_chunk(10.75, 0.25) == pytest.approx(0.5)
    assert late.add_chunk(10.75, 0.5) == 0.0
    assert [lossy.add_chunk(10 + 0.5 * i, 0.25) for i in range(5)] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
