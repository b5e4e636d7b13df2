"""Ownership of runs, error messages of handlers, and the paths that a browser may name."""

import errno

import gradio as gr
import pytest

from qal.errors import OptionError
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from ui_components.app.studio import Studio, action


def test_run_is_accessible_to_its_owner_and_admins_only(tmp_path):
    studio = Studio(tmp_path / "runs", tmp_path / "data", is_admin=lambda name: name == "anna")
    run = scripted_run(studio.runs, "a", "failed")
    run.update_status(user="bekele")
    for allowed in ("anna", "bekele", None):
        studio.require_run_owner(run, request_from(allowed))
    with pytest.raises(OptionError, match="belongs to bekele"):
        studio.require_run_owner(run, request_from("carl"))


def test_full_disk_is_a_message_and_lone_surrogates_are_replaced(tmp_path):
    def write(studio, text):
        assert text == "a?"
        raise OSError(errno.ENOSPC, "no space")

    with pytest.raises(gr.Error, match="could not be used"):
        action(write, Studio(tmp_path / "runs", tmp_path / "data"))("a\ud800")


def test_paths_outside_data_runs_and_models_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path / "models"))
    studio = Studio(tmp_path / "runs", tmp_path / "data")
    studio.data.mkdir()
    (studio.data / "out").symlink_to("/etc")
    assert studio.require_allowed_path(str(studio.data / "a")) == (studio.data / "a").resolve()
    assert studio.require_allowed_path(str(tmp_path / "models" / "base"))
    for outside in (
        "/etc/passwd",
        str(studio.data / ".." / "x"),
        str(studio.data / "out" / "passwd"),
        "~root",
        "a\0b",
        "",
    ):
        with pytest.raises(OptionError):
            studio.require_allowed_path(outside)
