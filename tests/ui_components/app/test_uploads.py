"""Uploads are private to the account of the server, limited, and leave nothing behind if they are cut off."""

import os
import stat
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect

from qal.errors import StorageError
from tests.run_async import run_async
from ui_components.app.uploads import FOLDER_VARIABLE, MAX_FIELD_BYTES, LimitedForm, use_private_folder

FILE_PART = b'--XX\r\nContent-Disposition: form-data; name="files"; filename="x.wav"\r\n\r\n'
FIELD_PART = b'--XX\r\nContent-Disposition: form-data; name="x"\r\n\r\n'


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folder_of_uploads_can_be_read_by_the_account_of_the_server_only(temporary_folder):
    use_private_folder()
    folder = Path(os.environ[FOLDER_VARIABLE])
    assert folder.parent == temporary_folder
    assert mode(folder) == 0o700
    use_private_folder()
    assert os.environ[FOLDER_VARIABLE] == str(folder)


def test_given_folder_of_uploads_is_taken_from_other_accounts(tmp_path, monkeypatch):
    given = tmp_path / "given"
    given.mkdir(0o755)
    monkeypatch.setenv(FOLDER_VARIABLE, str(given))
    use_private_folder()
    assert mode(given) == 0o700


def test_folder_that_another_account_has_prepared_is_refused(temporary_folder, monkeypatch):
    name = temporary_folder / f"qal-uploads-{os.getuid()}"
    (temporary_folder / "theirs").mkdir()
    name.symlink_to(temporary_folder / "theirs")
    with pytest.raises(StorageError, match=FOLDER_VARIABLE):
        use_private_folder()
    name.unlink()
    name.mkdir(0o1777)
    name.chmod(0o1777)
    with pytest.raises(StorageError, match="other accounts"):
        use_private_folder()
    another_account = os.getuid() + 1
    (temporary_folder / f"qal-uploads-{another_account}").mkdir()
    monkeypatch.setattr("os.getuid", lambda: another_account)
    with pytest.raises(StorageError, match="other accounts"):
        use_private_folder()


def parse(folder: Path, *chunks: bytes, is_cut_off: bool = False) -> None:
    """Reads a form that arrives in chunks."""

    async def stream() -> AsyncGenerator[bytes, None]:
        for chunk in chunks:
            yield chunk
        if is_cut_off:
            raise ClientDisconnect

    headers = Headers({"content-type": "multipart/form-data; boundary=XX"})
    run_async(LimitedForm(headers, stream(), upload_dir=folder, max_file_size=1 << 20).parse())


def test_field_of_an_upload_is_not_collected_in_memory(tmp_path):
    chunks = [FIELD_PART, *[bytes(1 << 14)] * (MAX_FIELD_BYTES >> 14)]
    parse(tmp_path, *chunks, b"\r\n--XX--\r\n")
    with pytest.raises(MultiPartException, match="maximum allowed size"):
        parse(tmp_path, *chunks, b"x", b"\r\n--XX--\r\n")


def test_upload_that_is_cut_off_or_too_large_leaves_no_file(tmp_path):
    with pytest.raises(ClientDisconnect):
        parse(tmp_path, FILE_PART, bytes(1000), is_cut_off=True)
    with pytest.raises(MultiPartException):
        parse(tmp_path, FILE_PART, bytes(1 << 20), b"x")
    assert list(tmp_path.iterdir()) == []
    parse(tmp_path, FILE_PART, bytes(1000), b"\r\n--XX--\r\n")
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [1000]
