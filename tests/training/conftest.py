"""The tiny model and its corpus, for jobs that run in seconds."""

import sys
from pathlib import Path

import pytest

from corpus.manifest import Corpus
from tests.tiny_model import make_tiny_weights, make_tones

sys.path.insert(0, str(Path(__file__).parent))  # for tiny_run


@pytest.fixture(scope="session")
def tiny_weights(base_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_weights(base_directory, tmp_path_factory.mktemp("tiny") / "weights")


@pytest.fixture
def tiny_corpus(tmp_path: Path) -> Corpus:
    """Four tones with four words, the same in every split."""
    return make_tones(tmp_path / "corpus")


@pytest.fixture(scope="module")
def module_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """The same, for tests that only read it."""
    return make_tones(tmp_path_factory.mktemp("tones"))
