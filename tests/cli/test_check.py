"""The command `qal check`, also as `python app.py --check`."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
for name in {names!r}: sys.modules[name] = None
from qal.cli.subcommands.check import main
sys.exit(main(["--data", {folder!r}, "--runs", {folder!r}]))
"""


def run(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, *(["-c", code] if code else ["app.py", "--check"]), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


def test_ready_machine_exits_0_and_shows_its_device(tmp_path, base_directory):
    done = run("--data", str(tmp_path), "--runs", str(tmp_path), "--share", "--port", "7999")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CPU" in done.stdout
    assert "torch 2" in done.stdout
    assert str(tmp_path) in done.stdout


def test_missing_models_exit_2_in_text_and_json(tmp_path):
    empty = {"WHISPER_MODEL_DIR": str(tmp_path / "m"), "HF_HUB_CACHE": str(tmp_path / "h"), "HF_HOME": str(tmp_path)}
    done = run("--json", "--data", str(tmp_path), "--runs", str(tmp_path), **empty)
    output = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, output["usable"]) == (2, False)
    missing = [f for f in output["findings"] if f["state"] == "missing"]
    assert [(f["topic"], f["advice"]) for f in missing] == [("Models", "run `qal models fetch base-adaptive` once")]


def test_unknown_option_is_refused_and_page_options_are_ignored(tmp_path):
    done = run("--netwrok")
    assert (done.returncode, "--netwrok" in done.stderr, done.stdout) == (2, True, "")
    folders = ("--data", str(tmp_path), "--runs", str(tmp_path))
    assert "error" not in run("--share", "--live_days", "3", *folders).stderr


def test_check_needs_none_of_the_packages_that_it_checks(tmp_path):
    names = ("gradio", "pydantic", "psutil", "numpy", "ctranslate2", "av", "huggingface_hub", "jsonargparse", "tqdm")
    done = run(code=WITHOUT.format(names=names, folder=str(tmp_path)))
    assert done.returncode == 2
    assert "Missing" in done.stdout
    assert "Traceback" not in done.stderr
