import io
import os
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from qal.errors import AudioDecodeError
from ui_components.live.fallback.chunks import KEPT_S, ChunkFiles, LossMeter, read_chunk


def wav(pcm: np.ndarray, rate: int = 48_000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize("shape", [(480,), (480, 2)])
def test_a_chunk_comes_back_sample_for_sample(tmp_path, shape):
    pcm = np.random.default_rng(0).integers(-32768, 32767, shape).astype(np.int16)
    (tmp_path / "audio.wav").write_bytes(wav(pcm))
    rate, read = read_chunk(tmp_path / "audio.wav")
    assert rate == 48_000
    np.testing.assert_array_equal(read, pcm)


def test_the_sizes_in_a_repeated_header_are_not_believed(tmp_path):
    header = wav(np.zeros(10, np.int16))[:44]
    pcm = np.arange(500, dtype=np.int16)
    (tmp_path / "audio.wav").write_bytes(header + pcm.tobytes() + b"\x01")  # and half a sample
    np.testing.assert_array_equal(read_chunk(tmp_path / "audio.wav")[1], pcm)


def test_a_chunk_that_is_not_wav_is_the_users_error(tmp_path):
    (tmp_path / "audio.webm").write_bytes(b"\x1aE\xdf\xa3" + bytes(100))
    with pytest.raises(AudioDecodeError):
        read_chunk(tmp_path / "audio.webm")


def aged(path: Path, seconds: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.touch()
    then = time.time() - seconds
    os.utime(path, (then, then))
    return path


def test_old_chunks_are_deleted_with_their_folders_and_young_ones_stay(tmp_path):
    files = ChunkFiles()
    young = aged(tmp_path / "young" / "audio.wav", 0)
    files.took(aged(tmp_path / "old" / "audio.wav", KEPT_S + 1))
    files.took(young)
    assert list(tmp_path.iterdir()) == [young.parent]
    files.sweep(kept_s=0)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_equal_chunks_share_is_young_again_with_each_upload(tmp_path):
    files = ChunkFiles()
    silence = aged(tmp_path / "silence" / "audio.wav", 0)
    files.took(silence)
    aged(silence, KEPT_S + 1)
    aged(silence, 0)  # the next upload
    files.sweep()
    assert silence.exists()


def test_somebody_else_may_have_deleted_a_chunk(tmp_path):
    files = ChunkFiles()
    files.took(aged(tmp_path / "chunk" / "audio.wav", 0))
    (tmp_path / "chunk" / "audio.wav").unlink()
    files.sweep()
    assert list(tmp_path.iterdir()) == []


def test_the_loss_is_the_time_that_passed_without_its_sound():
    steady, late, lossy = LossMeter(), LossMeter(), LossMeter()
    assert [steady.took(10 + 0.25 * i, 0.25) for i in range(8)] == [0.0] * 8
    assert late.took(10.0, 0.25) == 0.0
    assert late.took(10.75, 0.25) == pytest.approx(0.5)
    assert late.took(10.75, 0.5) == 0.0
    assert [lossy.took(10 + 0.5 * i, 0.25) for i in range(5)] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
