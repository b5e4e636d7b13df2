import random

import numpy as np

from augmentation.spec_augment import spec_augment
from augmentation.waveform import augment, pipeline

TONE = (0.3 * np.sin(np.arange(16_000) / 10)).astype(np.float32)


def test_equal_draws_give_equal_sound_and_other_draws_other_sound():
    transform = pipeline(1.0)
    a, b, c = (augment(TONE, transform, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert len(a) != len(c) or not np.array_equal(a, c)


def test_the_global_generators_are_left_alone():
    np.random.seed(3)
    random.seed(3)
    expected = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    augment(TONE, pipeline(1.0), np.random.default_rng(0))
    assert (np.random.random(), random.random()) == expected


def test_the_sound_stays_in_range():
    assert np.abs(augment(TONE * 3, pipeline(1.0), np.random.default_rng(0))).max() <= 1


def test_masks_lie_in_the_speech_and_the_original_is_kept():
    mel = np.random.default_rng(0).normal(size=(80, 400)).astype(np.float32)
    kept = mel.copy()
    masked = spec_augment(mel, np.random.default_rng(1), 3, 0.2, 0, 0, speech_frames=200)
    assert np.array_equal(mel, kept)
    assert not np.array_equal(masked[:, :200], mel[:, :200])
    assert np.array_equal(masked[:, 200:], mel[:, 200:])
