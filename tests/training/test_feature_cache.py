"""The feature cache: features of any context from cached ones, and the memory limit."""

import numpy as np
import pytest

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP
from qal.engine.decoding import Tokenizer
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.batches import TrainCollator, ValidationCollator
from qal.training.data.buckets import Draw
from qal.training.data.data_module import make_examples
from qal.training.data.feature_cache import FeatureCache, fit_to_context, speech_mel, speech_samples
from tests.fakes import noise


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 8000, 33_333])
@pytest.mark.parametrize("more_frames", [10, 333])
def test_cached_features_at_a_longer_context_equal_those_of_padded_audio(n_samples: int, more_frames: int):
    samples = noise(n_samples)
    mel = speech_mel(samples, 80)
    assert 0 <= speech_samples(mel) - n_samples < HOP
    frames = -(-n_samples // HOP) + more_frames
    assert np.allclose(fit_to_context(mel, frames), padded_log_mel(samples, frames, 80), atol=2e-6)


def test_cached_features_of_silence_can_be_extended_and_cut():
    mel = speech_mel(np.zeros(1600, np.float32), 80)
    assert np.allclose(fit_to_context(mel, 50), padded_log_mel(np.zeros(1600, np.float32), 50, 80))
    assert fit_to_context(mel, 4).shape == (80, 4)


def test_cache_stays_within_its_limit_and_computes_cached_entries_once():
    cache, computed = FeatureCache(1), []

    def compute(key: int) -> np.ndarray:
        computed.append(key)
        return np.full(100_000, key, np.float32)  # 0.4 MB

    for _ in range(2):
        for key in range(3):
            assert cache.get(key, lambda key=key: compute(key))[0] == key
    assert computed == [0, 1, 2, 2]
    assert cache.used_bytes <= cache.limit_bytes
    with pytest.raises(ValueError, match="read-only"):
        cache.get(0, lambda: compute(0))[0] = 5


def test_batches_are_equal_with_and_without_cache(tiny_corpus, base_directory):
    batches = []
    for megabytes in (0, 100):
        config = TrainingConfig.model_validate({"cache_mb": megabytes, "augmentation": {"preset": "off"}})
        examples = make_examples([tiny_corpus], "train", config, Tokenizer(base_directory))
        cache = FeatureCache(megabytes)
        train, validation = TrainCollator(examples, config, 80, cache), ValidationCollator(examples, config, 80, cache)
        for _ in range(2):
            batches += [(train([Draw(0, 0), Draw(0, 1)]).mel, validation([2, 3]).mel)]
        assert (cache.used_bytes > 0) == (megabytes > 0)
    assert all((a == b).all() for batch in batches[1:] for a, b in zip(batch, batches[0], strict=True))
