"""The file of users: who may enter, and what the command makes of it."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from qal.api import users
from qal.api.users import TRIES, Users, make_account, write_accounts
from qal.errors import OptionError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = {"anna": make_account("correct horse", admin=True), "bekele": make_account("battery staple", admin=False)}
    write_accounts(tmp_path / "users.json", made)
    return tmp_path / "users.json"


def command(file: Path, *arguments: str, password: str = "") -> subprocess.CompletedProcess:
    line = [sys.executable, "-m", "qal", "users", arguments[0], str(file), *arguments[1:]]
    return subprocess.run(line, input=f"{password}\n", cwd=ROOT, capture_output=True, text=True)


def test_only_the_right_password_enters(file):
    known = Users(file)
    assert known.is_right("anna", "correct horse")
    assert not known.is_right("anna", "battery staple")
    assert not known.is_right("nobody", "correct horse")
    assert not known.is_right("nobody", "")
    assert (known.is_admin("anna"), known.is_admin("bekele"), known.is_admin("nobody")) == (True, False, False)


def test_no_password_is_in_the_file_and_only_its_owner_reads_it(file):
    assert "correct" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    one, two = make_account("the same one", False), make_account("the same one", False)
    assert one.scrypt != two.scrypt


def test_who_was_tried_too_often_must_wait_and_others_need_not(file, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(users.time, "monotonic", lambda: clock[0])
    known = Users(file)
    for _ in range(TRIES):
        assert not known.is_right("anna", "guess")
    assert not known.is_right("anna", "correct horse")
    assert known.is_right("bekele", "battery staple")
    clock[0] += users.WITHIN_S
    assert known.is_right("anna", "correct horse")


def test_a_changed_file_counts_at_once(file):
    known = Users(file)
    write_accounts(file, {"carl": make_account("a new password", False)})
    assert known.is_right("carl", "a new password")
    assert not known.is_right("anna", "correct horse")


def test_the_command_adds_lists_and_removes(tmp_path):
    file = tmp_path / "users.json"
    assert command(file, "add", "anna", "--admin", password="correct horse").returncode == 0
    assert command(file, "list").stdout == "anna (admin)\n"
    assert Users(file).is_right("anna", "correct horse")
    assert command(file, "remove", "anna").returncode == 0
    assert json.loads(file.read_text()) == {}


def test_another_password_leaves_an_admin_an_admin(tmp_path):
    file = tmp_path / "users.json"
    command(file, "add", "anna", "--admin", password="correct horse")
    command(file, "add", "anna", password="battery staple")
    assert Users(file).is_admin("anna")
    command(file, "add", "anna", "--no-admin", password="battery staple")
    assert not Users(file).is_admin("anna")


def test_a_file_that_breaks_while_it_is_served_changes_nothing(file):
    known = Users(file)
    file.write_text("{")
    assert known.is_right("anna", "correct horse")
    assert known.is_known("bekele")


def test_no_folder_is_a_sentence(tmp_path):
    done = command(tmp_path / "nowhere" / "users.json", "add", "anna", password="correct horse")
    assert (done.returncode, "no such folder" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "password", "sentence"),
    [
        (["add", "a b"], "long enough", "cannot be a user's name"),
        (["add", "anna"], "short", "at least 8 characters"),
        (["remove", "anna"], "", "no such file"),
        (["list"], "", "no such file"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, arguments, password, sentence):
    done = command(tmp_path / "users.json", *arguments, password=password)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not (tmp_path / "users.json").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"anna": {"salt": "x", "scrypt": "y"}}'])
def test_a_file_that_is_none_of_ours_is_refused(tmp_path, content):
    (tmp_path / "users.json").write_bytes(content)
    with pytest.raises(OptionError, match="not a file of users"):
        Users(tmp_path / "users.json")
