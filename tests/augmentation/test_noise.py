import os
from pathlib import Path

import numpy as np
import pytest

from augmentation.noise import Background, audio_files, babble, check_folder, excerpt, mixed, rms
from augmentation.options import BackgroundOptions
from augmentation.preview import write_wav
from qal.audio.samples import SAMPLE_RATE
from qal.errors import OptionError
from tests.fakes import noise


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5])
def test_mixing_at_a_ratio_gives_that_ratio(snr_db: float):
    speech, hum = noise(8000, 1), 3 * noise(8000, 2)
    added = mixed(speech, hum, snr_db) - speech
    assert 20 * np.log10(rms(speech) / rms(added)) == pytest.approx(snr_db, abs=0.01)


def test_silence_is_neither_mixed_nor_mixed_into():
    silence = np.zeros(8000, np.float32)
    assert np.array_equal(mixed(noise(8000), silence, 0), noise(8000))
    assert np.array_equal(mixed(silence, noise(8000), 0), silence)


@pytest.mark.parametrize("n", [10, 100, 350])
def test_an_excerpt_has_the_length_that_was_asked_for(n: int):
    sound = np.arange(100, dtype=np.float32)
    for seed in range(5):
        found = excerpt(sound, n, np.random.default_rng(seed))
        assert len(found) == n
        assert set(np.diff(found)) <= {1.0, -99.0}


def test_files_come_in_one_order_and_only_sounds_are_taken(tmp_path: Path):
    for name in ("b/2.wav", "a/1.OGG", "a/notes.txt", "c.flac"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(p.relative_to(tmp_path)) for p in audio_files(tmp_path)] == ["a/1.OGG", "b/2.wav", "c.flac"]


def make_broken(folder: Path) -> None:
    write_wav(folder / "a.wav", noise(100))
    (folder / "b.wav").write_bytes(b"RIFF and no more")


def make_circle(folder: Path) -> None:
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "x.wav").symlink_to(folder / "x.wav")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder.rmdir(), "no such folder"),
        (lambda folder: (folder / "readme.txt").touch(), "holds no sound"),
        (lambda folder: (folder / "empty.wav").touch(), "empty.wav: not readable"),
        (make_broken, "b.wav: not readable"),
        (make_circle, "x.wav: not readable"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_sentence(make, sentence: str, tmp_path: Path):
    folder = tmp_path / "noises"
    folder.mkdir()
    make(folder)
    with pytest.raises(OptionError, match=sentence):
        check_folder(folder)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_locked_folder_is_one_sentence(tmp_path: Path):
    (tmp_path / "locked").mkdir(mode=0)
    with pytest.raises(OptionError, match="permissions"):
        check_folder(tmp_path / "locked")


def test_without_a_folder_other_rows_talk_and_without_those_a_folder_is_asked_for(tmp_path: Path):
    for i in range(6):
        write_wav(tmp_path / f"{i}.wav", noise(SAMPLE_RATE, i))
    options = BackgroundOptions(probability=1, min_snr_db=0, max_snr_db=0)
    speech = noise(4000, 9)
    added = Background(options, audio_files(tmp_path))(speech, np.random.default_rng(0)) - speech
    assert rms(added) == pytest.approx(rms(speech), rel=0.01)
    with pytest.raises(OptionError, match=r"augmentation\.background\.folder"):
        Background(options, [])


def test_no_voice_of_a_babble_is_alone(tmp_path: Path):
    for i in range(6):
        write_wav(tmp_path / f"{i}.wav", noise(SAMPLE_RATE, i) * 0.1**i)
    together = babble(audio_files(tmp_path), 4000, np.random.default_rng(1))
    parts = [excerpt(noise(SAMPLE_RATE, i), 4000, np.random.default_rng(0)) for i in range(6)]
    assert max(abs(np.corrcoef(together, p)[0, 1]) for p in parts) < 0.9


def test_a_noise_that_broke_after_the_start_is_named_and_no_utterance_is_blamed(tmp_path: Path):
    write_wav(tmp_path / "a.wav", noise(SAMPLE_RATE))
    background = Background(BackgroundOptions(folder=str(tmp_path), babble_share=0), [])
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(OptionError, match=r"a\.wav: not readable"):
        background(noise(800), np.random.default_rng(0))


def test_a_voice_that_cannot_be_heard_is_silent(tmp_path: Path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    assert not babble([broken], 800, np.random.default_rng(0)).any()
