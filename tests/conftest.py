"""What many tests need: real speech and real weights, fetched once and kept."""

import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from audio.decode import decode
from audio.samples import Samples
from corpus.importers.asterisk import import_asterisk
from corpus.importers.debian import unpack_packages
from corpus.manifest import MANIFEST, Corpus, read_corpus
from engine.catalogue import resolve

TEST_DATA = Path(__file__).parent.parent / ".cache" / "test-data"


def _fetching() -> FileLock:
    """Tests run in several processes; whoever comes first fetches, the others wait."""
    TEST_DATA.mkdir(parents=True, exist_ok=True)
    return FileLock(TEST_DATA / ".lock")


def _prompts(language: str) -> Corpus:
    folder = TEST_DATA / f"asterisk-{language}"
    with _fetching():
        return read_corpus(folder) if (folder / MANIFEST).exists() else import_asterisk(language, folder)


@pytest.fixture(scope="session")
def russian_corpus() -> Corpus:
    return _prompts("ru")


@pytest.fixture(scope="session")
def english_corpus() -> Corpus:
    return _prompts("en")


@pytest.fixture(scope="session")
def monkeys() -> Samples:
    """A cage of monkeys, 16 s: the one of Asterisk's sounds that opens the gate without a word."""
    folder = TEST_DATA / "sounds"
    with _fetching():
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=TEST_DATA) as temporary:
                unpack_packages(["asterisk-core-sounds-en-g722"], Path(temporary)).rename(folder)
    (path,) = folder.rglob("tt-monkeys.g722")
    return decode(path)


@pytest.fixture(scope="session")
def base_directory() -> Path:
    return resolve("base")
