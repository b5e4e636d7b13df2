import errno
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from qal.cli.command import run_command
from qal.errors import CorpusError, StorageError
from qal.storage import require_space, storage_errors

Usage = namedtuple("Usage", "total used free")


def test_user_error_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture):
    def main():
        raise CorpusError("import some speech first")

    with pytest.raises(SystemExit) as raised:
        run_command(main)
    assert raised.value.code == 2
    assert capsys.readouterr().err == "error: import some speech first\n"


def test_bug_keeps_its_traceback():
    def main():
        raise KeyError("bug")

    with pytest.raises(KeyError):
        run_command(main)


def test_full_disk_is_a_storage_error_and_other_os_errors_pass_through():
    with pytest.raises(StorageError, match="no space left"), storage_errors("the model"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="Broken"), storage_errors("the model"):
        raise OSError(errno.EPIPE, "Broken pipe")


def test_require_space_fails_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 10**6))
    with pytest.raises(StorageError, match="free some space"):
        require_space(tmp_path / "not" / "yet", 10**9, "a training run")
    assert list(tmp_path.iterdir()) == []
