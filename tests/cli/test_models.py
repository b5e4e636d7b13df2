"""Fetching a model as a command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qal.cli import models as fetch

ROOT = Path(__file__).parents[2]


def run(name: str, folder: Path) -> subprocess.CompletedProcess:
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    environment = {**os.environ, **nowhere, "WHISPER_MODEL_DIR": str(folder / "models")}
    command = [sys.executable, "-m", "qal", "models", "fetch", name]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("name", "sentence"), [("small", "Connect to the network"), ("nonsense", "cannot be downloaded")]
)
def test_without_network_and_without_such_a_name_one_line_says_so(tmp_path, name, sentence):
    done = run(name, tmp_path)
    *_, last = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert last.startswith("error: ")
    assert sentence in last
    assert "Traceback" not in done.stderr


def test_the_bar_counts_what_has_come(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path))
    monkeypatch.setattr(fetch, "LOOK_EVERY_S", 0.02)
    monkeypatch.setattr(fetch, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(fetch, "expected_bytes", lambda name: 200)
    with fetch.bar_of("base"):
        (tmp_path / ".base-x").mkdir()
        (tmp_path / ".base-x" / "model.bin").write_bytes(bytes(100))
        for _ in range(100):
            if "50%|" in capsys.readouterr().err:
                return
            fetch.threading.Event().wait(0.02)
    raise AssertionError("the bar stood still")
