"""Whose a run is, and which paths a browser may name."""

import errno

import gradio as gr
import pytest

from qal.errors import OptionError
from tests.run_folders import scripted_run
from tests.ui_components.conftest import PageRequest
from ui_components.app.studio import Studio, action


def request_of(name: str | None) -> PageRequest:
    return PageRequest(username=name)


def test_a_run_is_its_users_and_an_admins(tmp_path):
    studio = Studio(tmp_path / "runs", tmp_path / "data", is_admin=lambda name: name == "anna")
    run = scripted_run(studio.runs, "a", "failed")
    run.update_status(user="bekele")
    for allowed in ("anna", "bekele", None):
        studio.require_own(run, request_of(allowed))  # pyright: ignore[reportArgumentType]
    with pytest.raises(OptionError, match="belongs to bekele"):
        studio.require_own(run, request_of("carl"))  # pyright: ignore[reportArgumentType]


def test_a_full_disk_is_a_toast_and_half_a_character_is_made_whole(tmp_path):
    def write(studio, text):
        assert text == "a?"
        raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(gr.Error, match="could not be used"):
        action(write, Studio(tmp_path / "runs", tmp_path / "data"))("a\ud800")


def test_paths_outside_the_folders_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    studio = Studio(tmp_path / "runs", tmp_path / "data")
    studio.data.mkdir()
    (studio.data / "out").symlink_to("/etc")
    assert studio.require_inside(str(studio.data / "a")) == (studio.data / "a").resolve()
    assert studio.require_inside(str(tmp_path / "models" / "base"))
    for outside in (
        "/etc/passwd",
        str(studio.data / ".." / "x"),
        str(studio.data / "out" / "passwd"),
        "~root",
        "a\0b",
        "",
    ):
        with pytest.raises(OptionError):
            studio.require_inside(outside)
