import os
from pathlib import Path

import numpy as np
import pytest

from augmentation.noise import (
    BackgroundNoise,
    check_audio_folder,
    list_audio_files,
    mix_at_snr,
    mix_babble,
    random_excerpt,
    rms,
)
from augmentation.options import BackgroundOptions
from qal.audio.blocks import write_wav
from qal.audio.samples import SAMPLE_RATE
from qal.errors import OptionError
from tests.fakes import noise


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5])
def test_mix_at_snr_gives_that_ratio(snr_db: float):
    speech, hum = noise(8000, 1), 3 * noise(8000, 2)
    added = mix_at_snr(speech, hum, snr_db) - speech
    assert 20 * np.log10(rms(speech) / rms(added)) == pytest.approx(snr_db, abs=0.01)


def test_mix_at_snr_with_silence_returns_the_samples():
    silence = np.zeros(8000, np.float32)
    assert np.array_equal(mix_at_snr(noise(8000), silence, 0), noise(8000))
    assert np.array_equal(mix_at_snr(silence, noise(8000), 0), silence)


@pytest.mark.parametrize("n", [10, 100, 350])
def test_random_excerpt_has_the_requested_length(n: int):
    samples = np.arange(100, dtype=np.float32)
    for seed in range(5):
        drawn = random_excerpt(samples, n, np.random.default_rng(seed))
        assert len(drawn) == n
        assert set(np.diff(drawn)) <= {1.0, -99.0}


def test_audio_files_are_listed_in_order_without_other_files(tmp_path: Path):
    for name in ("b/2.wav", "a/1.OGG", "a/notes.txt", "c.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(p.relative_to(tmp_path)) for p in list_audio_files(tmp_path)] == ["a/1.OGG", "b/2.wav", "c.flac"]


def write_truncated_wav(folder: Path) -> None:
    write_wav(folder / "a.wav", noise(100))
    (folder / "b.wav").write_bytes(b"RIFF and no more")


def make_symlink_loop(folder: Path) -> None:
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "x.wav").symlink_to(folder / "x.wav")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder.rmdir(), "no such folder"),
        (lambda folder: (folder / "readme.txt").touch(), "holds no audio"),
        (lambda folder: (folder / "empty.wav").touch(), "empty.wav: not readable"),
        (write_truncated_wav, "b.wav: not readable"),
        (make_symlink_loop, "x.wav: not readable"),
    ],
)
def test_unusable_noise_folder_raises_option_error(make, message: str, tmp_path: Path):
    folder = tmp_path / "noises"
    folder.mkdir()
    make(folder)
    with pytest.raises(OptionError, match=message):
        check_audio_folder(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_noise_folder_raises_option_error(tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(OptionError, match="permissions"):
        check_audio_folder(tmp_path / "locked")


def test_background_without_folder_is_babble_and_without_both_raises_option_error(tmp_path: Path):
    for i in range(6):
        write_wav(tmp_path / f"{i}.wav", noise(SAMPLE_RATE, i))
    options = BackgroundOptions(probability=1, min_snr_db=0, max_snr_db=0)
    speech = noise(4000, 9)
    added = BackgroundNoise(options, list_audio_files(tmp_path))(speech, np.random.default_rng(0)) - speech
    assert rms(added) == pytest.approx(rms(speech), rel=0.01)
    with pytest.raises(OptionError, match=r"augmentation\.background\.folder"):
        BackgroundNoise(options, [])


def test_babble_correlates_with_no_single_voice(tmp_path: Path):
    for i in range(6):
        write_wav(tmp_path / f"{i}.wav", noise(SAMPLE_RATE, i) * 0.1**i)
    mixture = mix_babble(list_audio_files(tmp_path), 4000, np.random.default_rng(1))
    voices = [random_excerpt(noise(SAMPLE_RATE, i), 4000, np.random.default_rng(0)) for i in range(6)]
    assert max(abs(np.corrcoef(mixture, p)[0, 1]) for p in voices) < 0.9


def test_noise_file_damaged_after_start_raises_option_error_with_its_name(tmp_path: Path):
    write_wav(tmp_path / "a.wav", noise(SAMPLE_RATE))
    background = BackgroundNoise(BackgroundOptions(folder=str(tmp_path), babble_share=0), [])
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(OptionError, match=r"a\.wav: not readable"):
        background(noise(800), np.random.default_rng(0))


def test_unreadable_babble_file_is_silent(tmp_path: Path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    assert not mix_babble([broken], 800, np.random.default_rng(0)).any()
