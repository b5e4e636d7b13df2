"""Channels are averaged, or the loudest is used where they cancel; a sample that is no number is zero."""

import logging
from pathlib import Path

import numpy as np
import pytest

from qal.audio.analysis import analyse
from qal.audio.blocks import read_blocks, read_time_range
from qal.audio.decode import decode
from qal.audio.mix import MonoMixer
from qal.audio.sound_check import is_silent, require_sound
from qal.errors import AudioDecodeError, NotFiniteAudioError, SilentAudioError
from tests.fakes import noise
from tests.sounds import sine, write_audio, write_float_audio

RATE_HZ = 16_000


def mixed(channels: np.ndarray, chunk: int = 1000) -> np.ndarray:
    mixer = MonoMixer()
    pieces = [mixer.feed(channels[:, i : i + chunk]) for i in range(0, channels.shape[1], chunk)]
    return np.concatenate([*pieces, mixer.flush()])


def joined_blocks(path: Path) -> np.ndarray:
    return np.concatenate([block.samples for block in read_blocks(path, float("inf"))])


def stereo(*shares: float, n: int = 5 * RATE_HZ + 123) -> np.ndarray:
    voice = 0.5 * noise(n, 1)
    return np.stack([np.float32(share) * voice for share in shares])


@pytest.mark.parametrize("chunk", [1, 160, 4096, 10**6])
def test_mix_does_not_depend_on_chunk_size(chunk):
    channels = np.concatenate([stereo(1, -1, n=40_000), stereo(1, 0.5, n=30_000)], axis=1)[:, :20_000:]
    assert np.array_equal(mixed(channels, chunk), mixed(channels, 777))


@pytest.mark.parametrize("shares", [(1, 1), (1, 0), (0, 1), (1, 0.3), (0, 0, 1, 0, 0, 0), (1, -0.3)])
def test_channels_that_do_not_cancel_are_averaged(shares):
    channels = stereo(*shares)
    assert np.array_equal(mixed(channels), channels.mean(axis=0, dtype=np.float32))


def test_unrelated_channels_and_silence_are_averaged():
    channels = np.stack([noise(50_000, 1), noise(50_000, 2)])
    assert np.array_equal(mixed(channels), channels.mean(axis=0))
    assert np.array_equal(mixed(np.zeros((2, 20_000), np.float32)), np.zeros(20_000))


@pytest.mark.parametrize(
    ("shares", "loudest"), [((1, -1), 0), ((0.8, -1), 1), ((0.9, -1, 0, 0), 1), ((1, -1, 1, -1), 0)]
)
def test_channels_that_cancel_are_replaced_by_the_loudest(shares, loudest):
    channels = stereo(*shares)
    assert np.array_equal(mixed(channels), channels[loudest])


@pytest.mark.parametrize("signal_to_noise", [3, 10, 30])  # power ratio
def test_inverted_voice_under_noise_is_not_mixed_to_the_noise_alone(signal_to_noise):
    voice = stereo(1, -1)
    power = np.square(voice[0]).mean() / signal_to_noise
    hiss = np.float32(np.sqrt(power) / 0.1) * np.stack([noise(voice.shape[1], seed) for seed in (2, 3)])
    samples = mixed(voice + hiss)
    assert abs(np.corrcoef(samples, voice[0])[0, 1]) > 0.7


@pytest.mark.parametrize("offsets", [(0.2, 0.2), (0.1, -0.1), (0.05, 0)])
def test_constant_offset_of_a_sound_card_does_not_hide_that_channels_cancel(offsets):
    channels = stereo(0.1, -0.1) + np.array(offsets, np.float32)[:, None]
    samples = mixed(channels)
    assert samples.std() == pytest.approx(channels[0].std(), rel=0.01)


def test_inverted_part_of_a_recording_is_heard():
    channels = np.concatenate([stereo(1, 1, n=4 * RATE_HZ), stereo(1, -1, n=4 * RATE_HZ)], axis=1)
    powers = np.square(mixed(channels)).reshape(-1, RATE_HZ // 2).mean(axis=1)
    assert powers.min() > 0.5 * powers.max()


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
@pytest.mark.parametrize("shares", [(1, -1), (1, 0.5)])
def test_decoded_samples_blocks_and_ranges_agree(tmp_path, rate_hz, shares):
    path = write_audio(tmp_path / "x.wav", stereo(*shares, n=3 * rate_hz), rate_hz)
    samples = decode(path)
    assert not is_silent(samples)
    assert np.array_equal(joined_blocks(path), samples)
    assert np.array_equal(read_time_range(path, 0.5, 1.7), samples[8000:27_200])


def test_use_of_the_loudest_channel_is_logged_and_noted(tmp_path, caplog):
    path = write_audio(tmp_path / "inverted.wav", stereo(1, -1))
    with caplog.at_level(logging.WARNING):
        decode(path)
    assert "inverted.wav: its channels cancel each other out" in caplog.text
    assert len(analyse(path).notes) == 1
    assert analyse(write_audio(tmp_path / "fine.wav", stereo(1, 1))).notes == ()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_single_sample_that_is_no_number_is_as_if_it_were_zero(tmp_path, value, rate_hz):
    samples = sine(440, 1, rate_hz, 0.5)
    samples[rate_hz // 2] = 0
    expected = decode(write_float_audio(tmp_path / "zero.wav", samples, rate_hz))
    samples[rate_hz // 2] = value
    path = write_float_audio(tmp_path / "x.wav", samples, rate_hz)
    assert np.array_equal(decode(path), expected)
    assert np.array_equal(joined_blocks(path), expected)
    quality = analyse(path).quality
    assert np.isfinite([quality.peak_db, quality.loudness_lufs or 0, quality.snr_db or 0]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_example_with_many_samples_that_are_no_numbers_is_refused_and_a_file_is_read(tmp_path, value):
    samples = sine(440, 1)
    samples[::50] = value
    path = write_float_audio(tmp_path / "x.wav", samples)
    with pytest.raises(NotFiniteAudioError, match=r"x\.wav: 2 % of its samples are not numbers"):
        decode(path)
    expected = np.where(np.isfinite(samples), samples, 0)
    assert np.array_equal(decode(path, is_example=False), expected)
    assert np.array_equal(joined_blocks(path), expected)
    assert analyse(path).notes == ("2.0% of its samples are not numbers and count as zero",)


def test_file_whose_samples_are_all_no_numbers_has_no_sound(tmp_path):
    path = write_float_audio(tmp_path / "x.wav", np.full(16_000, np.nan, np.float32))
    for read in (decode, joined_blocks, analyse):
        with pytest.raises(NotFiniteAudioError, match="100 % of its samples are not numbers"):
            read(path)


@pytest.mark.parametrize(
    ("samples", "error"),
    [
        (np.zeros(8000, np.float32), SilentAudioError),
        (np.full(8000, 0.1, np.float32), SilentAudioError),
        (np.array([0.5, np.nan] * 4000, np.float32), NotFiniteAudioError),
        (np.zeros(10, np.float32), AudioDecodeError),
    ],
)
def test_unusable_sound_is_refused_with_its_name(samples, error):
    with pytest.raises(error, match=r"x\.wav: "):
        require_sound(samples, "x.wav")


def test_quiet_sound_is_usable():
    assert len(require_sound(sine(440, 1, amplitude=0.001), "x.wav")) == RATE_HZ
