"""What many tests need: real speech and real weights, fetched once and kept."""

from pathlib import Path

import pytest

from corpus.importers.asterisk import import_asterisk
from corpus.manifest import MANIFEST, Corpus, read_corpus
from engine.catalogue import resolve

TEST_DATA = Path(__file__).parent.parent / ".cache" / "test-data"


def _prompts(language: str) -> Corpus:
    folder = TEST_DATA / f"asterisk-{language}"
    return read_corpus(folder) if (folder / MANIFEST).exists() else import_asterisk(language, folder)


@pytest.fixture(scope="session")
def russian_corpus() -> Corpus:
    return _prompts("ru")


@pytest.fixture(scope="session")
def english_corpus() -> Corpus:
    return _prompts("en")


@pytest.fixture(scope="session")
def base_directory() -> Path:
    return resolve("base")
