"""What many tests need: real speech and real weights, fetched once and kept."""

import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from qal.audio.decode import decode
from qal.audio.samples import Samples
from qal.corpus.importers.asterisk import import_asterisk
from qal.corpus.importers.debian import unpack_packages
from qal.corpus.manifest import MANIFEST, Corpus, read_corpus
from qal.engine.catalogue import resolve
from tests.tiny_model import make_tiny_weights, make_tones

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
