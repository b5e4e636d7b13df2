"""The file of users: passwords, admins, limits of attempts, and the command `qal users`."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qal.api import users
from qal.api.users import MAX_ATTEMPTS, SingleUser, Users, make_account, write_accounts
from qal.errors import OptionError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    accounts = {
        "anna": make_account("correct horse", admin=True),
        "bekele": make_account("battery staple", admin=False),
    }
    write_accounts(tmp_path / "users.json", accounts)
    return tmp_path / "users.json"


def command(file: Path, *arguments: str, password: str = "") -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "qal", "users", arguments[0], str(file), *arguments[1:]]
    return subprocess.run(line, input=f"{password}\n", cwd=ROOT, capture_output=True, text=True)


def test_only_the_correct_password_is_accepted(file):
    accounts = Users(file)
    assert accounts.is_correct("anna", "correct horse")
    assert not accounts.is_correct("anna", "battery staple")
    assert not accounts.is_correct("nobody", "correct horse")
    assert not accounts.is_correct("nobody", "")
    assert (accounts.is_admin("anna"), accounts.is_admin("bekele"), accounts.is_admin("nobody")) == (True, False, False)


def test_file_has_no_passwords_and_is_readable_by_its_owner_only(file):
    assert "correct" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    a, b = make_account("the same one", False), make_account("the same one", False)
    assert a.scrypt != b.scrypt


def test_too_many_wrong_passwords_lock_one_user_for_a_while(file, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(users.time, "monotonic", lambda: clock[0])
    accounts = Users(file)
    for _ in range(MAX_ATTEMPTS):
        assert not accounts.is_correct("anna", "guess")
    assert not accounts.is_correct("anna", "correct horse")
    assert accounts.is_correct("bekele", "battery staple")
    clock[0] += users.ATTEMPT_WINDOW_S
    assert accounts.is_correct("anna", "correct horse")


def test_single_user_has_the_same_limit_of_attempts():
    login = SingleUser("anna:a:b")
    assert login.is_correct("anna", "a:b")
    assert (login.is_known("anna"), login.is_admin("anna"), login.is_known("bekele")) == (True, True, False)
    for _ in range(MAX_ATTEMPTS):
        assert not login.is_correct("anna", "guess")
    assert not login.is_correct("anna", "a:b")


def test_changed_file_is_read_again(file):
    accounts = Users(file)
    write_accounts(file, {"carl": make_account("a new password", False)})
    assert accounts.is_correct("carl", "a new password")
    assert not accounts.is_correct("anna", "correct horse")


def test_command_adds_lists_and_removes_users(tmp_path):
    file = tmp_path / "users.json"
    assert command(file, "add", "anna", "--admin", password="correct horse").returncode == 0
    assert command(file, "list").stdout == "anna (admin)\n"
    assert Users(file).is_correct("anna", "correct horse")
    assert command(file, "remove", "anna").returncode == 0
    assert json.loads(file.read_text()) == {}


def test_new_password_keeps_admin_rights(tmp_path):
    file = tmp_path / "users.json"
    command(file, "add", "anna", "--admin", password="correct horse")
    command(file, "add", "anna", password="battery staple")
    assert Users(file).is_admin("anna")
    command(file, "add", "anna", "--no-admin", password="battery staple")
    assert not Users(file).is_admin("anna")


def test_file_that_becomes_invalid_keeps_the_accounts(file):
    accounts = Users(file)
    file.write_text("{")
    assert accounts.is_correct("anna", "correct horse")
    assert accounts.is_known("bekele")


def test_missing_folder_is_an_error(tmp_path):
    done = command(tmp_path / "nowhere" / "users.json", "add", "anna", password="correct horse")
    assert (done.returncode, "no such folder" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "password", "message"),
    [
        (["add", "a b"], "long enough", "cannot be a user's name"),
        (["add", "anna"], "short", "at least 8 characters"),
        (["remove", "anna"], "", "no such file"),
        (["list"], "", "no such file"),
    ],
)
def test_wrong_use_of_the_command_is_an_error(tmp_path, arguments, password, message):
    done = command(tmp_path / "users.json", *arguments, password=password)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "users.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"anna": {"salt": "x", "scrypt": "y"}}'])
def test_invalid_file_of_users_is_refused(tmp_path, content):
    (tmp_path / "users.json").write_bytes(content)
    with pytest.raises(OptionError, match="not a file of users"):
        Users(tmp_path / "users.json")
