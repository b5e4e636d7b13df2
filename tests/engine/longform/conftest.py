"""A recording of some minutes for the tests of long files."""

import numpy as np
import pytest

from qal.audio.decode import decode
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.corpus.manifest import Corpus
from tests.fakes import noise

LONG_S = 200


@pytest.fixture(scope="session")
def long_speech(russian_corpus: Corpus) -> Samples:
    """Russian prompts with pauses of 0.6 to 1.5 s, 200 s."""
    rng, parts, n = np.random.default_rng(3), [], 0
    for row in russian_corpus.select("train"):
        pause = 0.001 * noise(int(rng.uniform(0.6, 1.5) * SAMPLE_RATE))
        parts += [decode(russian_corpus.audio_path(row)), pause]
        n += len(parts[-1]) + len(parts[-2])
        if n >= LONG_S * SAMPLE_RATE:
            break
    return np.concatenate(parts)
