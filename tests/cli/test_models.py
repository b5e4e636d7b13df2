"""The command that downloads models."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qal.cli.subcommands import models

ROOT = Path(__file__).parents[2]


def run(name: str, folder: Path) -> subprocess.CompletedProcess:
    nowhere = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "hub"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}
    environment = {**os.environ, **nowhere, "WHISPER_MODEL_DIR": str(folder / "models")}
    command = [sys.executable, "-m", "qal", "models", "fetch", name]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize(("name", "sentence"), [("small", "Connect to the"), ("nonsense", "cannot be downloaded")])
def test_missing_network_or_unknown_name_is_one_line(tmp_path, name, sentence):
    done = run(name, tmp_path)
    *_, last = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert last.startswith("error: ")
    assert sentence in last
    assert "Traceback" not in done.stderr


def test_progress_bar_counts_downloaded_bytes(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WHISPER_MODEL_DIR", str(tmp_path))
    monkeypatch.setattr(models, "POLL_INTERVAL_S", 0.02)
    monkeypatch.setattr(models, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(models, "expected_bytes", lambda name: 200)
    with models.download_progress("base"):
        (tmp_path / ".base-x").mkdir()
        (tmp_path / ".base-x" / "model.bin").write_bytes(bytes(100))
        for _ in range(100):
            if "50%|" in capsys.readouterr().err:
                return
            models.threading.Event().wait(0.02)
    raise AssertionError("the progress bar did not move")
