import numpy as np
import pytest

from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import HOP
from qal.training.data.batches import TrainBatches, ValidationBatches
from qal.training.data.data_module import make_examples
from qal.training.data.feature_cache import FeatureCache, lengthened, speech_mel, speech_samples
from tests.fakes import noise


@pytest.mark.parametrize("samples", [1, 159, 160, 161, 8000, 33_333])
@pytest.mark.parametrize("more_frames", [10, 333])
def test_lengthened_features_are_those_of_the_padded_sound(samples: int, more_frames: int):
    sound = noise(samples)
    mel = speech_mel(sound, 80)
    assert 0 <= speech_samples(mel) - samples < HOP
    frames = -(-samples // HOP) + more_frames
    assert np.allclose(lengthened(mel, frames), padded_log_mel(sound, frames, 80), atol=2e-6)


def test_silence_and_a_cut_are_kept_too():
    mel = speech_mel(np.zeros(1600, np.float32), 80)
    assert np.allclose(lengthened(mel, 50), padded_log_mel(np.zeros(1600, np.float32), 50, 80))
    assert lengthened(mel, 4).shape == (80, 4)


def test_the_memory_is_bounded_and_what_is_kept_is_made_once():
    cache, made = FeatureCache(1), []

    def make(key: int) -> np.ndarray:
        made.append(key)
        return np.full(100_000, key, np.float32)  # 0.4 MB

    for _ in range(2):
        for key in range(3):
            assert cache.get(key, lambda key=key: make(key))[0] == key
    assert made == [0, 1, 2, 2]
    assert cache.used <= cache.limit
    with pytest.raises(ValueError, match="read-only"):
        cache.get(0, lambda: make(0))[0] = 5


def test_without_memory_everything_is_the_same(tiny_corpus, base_directory):
    from qal.engine.decoding import Tokenizer
    from qal.jobs.options.training_config import TrainingConfig

    batches = []
    for megabytes in (0, 100):
        config = TrainingConfig.model_validate({"cache_mb": megabytes, "augmentation": {"preset": "off"}})
        examples = make_examples([tiny_corpus], "train", config, Tokenizer(base_directory))
        cache = FeatureCache(megabytes)
        train, validation = TrainBatches(examples, config, 80, cache), ValidationBatches(examples, config, 80, cache)
        for _ in range(2):
            batches += [(train([(0, 0), (0, 1)]).mel, validation([2, 3]).mel)]
        assert (cache.used > 0) == (megabytes > 0)
    assert all((a == b).all() for batch in batches[1:] for a, b in zip(batch, batches[0], strict=True))
