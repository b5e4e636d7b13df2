"""Files that a read may never finish: pipes, devices, sockets."""

import os
from pathlib import Path

import pytest

from qal.api.users import Users
from qal.corpus.importers.import_source import import_source
from qal.corpus.importers.listing import ListingOptions
from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE, read_corpus
from qal.errors import CorpusError, OptionError, StorageError
from qal.jobs.options.yaml_file import load_config
from qal.storage import require_regular
from tests.sounds import sine, tones_corpus, write_audio


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


def test_pipe_and_device_are_refused_and_files_are_not(fifo, tmp_path):
    for path in (fifo, Path("/dev/zero")):
        with pytest.raises(StorageError, match="not a regular file"):
            require_regular(path)
    (tmp_path / "file").touch()
    assert require_regular(tmp_path / "file") == tmp_path / "file"
    assert require_regular(tmp_path / "missing") == tmp_path / "missing"


@pytest.mark.parametrize("name", [MANIFEST_FILE, CORPUS_INFO_FILE])
def test_dataset_with_a_pipe_as_its_manifest_is_refused(tmp_path, fifo, name):
    tones_corpus(tmp_path / "data", 3)
    (tmp_path / "data" / name).unlink()
    fifo.rename(tmp_path / "data" / name)
    with pytest.raises((CorpusError, StorageError), match=f"{name} is not a regular file"):
        read_corpus(tmp_path / "data")


def test_import_of_a_folder_with_a_pipe_as_its_table_is_refused(tmp_path, fifo):
    write_audio(tmp_path / "source" / "a.wav", sine(440, 1))
    fifo.rename(tmp_path / "source" / "metadata.csv")
    with pytest.raises((CorpusError, StorageError)):
        import_source(tmp_path / "source", tmp_path / "out", ListingOptions("en"))


def test_pipe_as_a_configuration_or_a_file_of_users_is_refused(fifo):
    with pytest.raises((OptionError, StorageError)):
        load_config(fifo)
    with pytest.raises(OptionError, match="not a file of users"):
        Users(fifo)
