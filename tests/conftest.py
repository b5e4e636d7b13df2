"""Fixtures of many tests: real speech and real weights, downloaded once and cached."""

import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from qal.audio.decode import decode
from qal.audio.samples import Samples
from qal.corpus.importers.asterisk import import_asterisk
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.manifest import MANIFEST_FILE, Corpus, read_corpus
from qal.engine.catalogue import resolve
from tests.tiny_model import make_tiny_weights, make_tones

TEST_DATA = Path(__file__).parent.parent / ".cache" / "test-data"


def _download_lock() -> FileLock:
    """A lock between test processes, so that only one of them downloads."""
    TEST_DATA.mkdir(parents=True, exist_ok=True)
    return FileLock(TEST_DATA / ".lock")


def _asterisk_corpus(language: str) -> Corpus:
    folder = TEST_DATA / f"asterisk-{language}"
    with _download_lock():
        return read_corpus(folder) if (folder / MANIFEST_FILE).exists() else import_asterisk(language, folder)


@pytest.fixture(scope="session")
def russian_corpus() -> Corpus:
    return _asterisk_corpus("ru")


@pytest.fixture(scope="session")
def english_corpus() -> Corpus:
    return _asterisk_corpus("en")


@pytest.fixture(scope="session")
def monkey_sounds() -> Samples:
    """16 s of monkeys, the only sound of Asterisk that opens the gate without speech."""
    folder = TEST_DATA / "sounds"
    with _download_lock():
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=TEST_DATA) as temporary:
                unpack_packages(["asterisk-core-sounds-en-g722"], Path(temporary)).rename(folder)
    (path,) = folder.rglob("tt-monkeys.g722")
    return decode(path)


@pytest.fixture(scope="session")
def base_directory() -> Path:
    return resolve("base")


@pytest.fixture(scope="session")
def tiny_weights(base_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_weights(base_directory, tmp_path_factory.mktemp("tiny") / "weights")


@pytest.fixture
def tiny_corpus(tmp_path: Path) -> Corpus:
    """A corpus of four tones, each with one word as its text; every split holds the same four."""
    return make_tones(tmp_path / "corpus")


@pytest.fixture(scope="module")
def module_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """A corpus as `tiny_corpus`, shared by the tests of a module, which must not change it."""
    return make_tones(tmp_path_factory.mktemp("tones"))
