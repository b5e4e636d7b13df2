"""python app.py --check, as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHOUT = """
import sys
for name in {names!r}: sys.modules[name] = None
from qal.cli.check import main
sys.exit(main(["--data", {folder!r}, "--runs", {folder!r}]))
"""


def run(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, *(["-c", code] if code else ["app.py", "--check"]), *arguments]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)


def test_a_machine_that_is_ready_exits_0_and_shows_its_device(tmp_path, base_directory):
    done = run("--data", str(tmp_path), "--runs", str(tmp_path), "--share", "--port", "7999")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CPU" in done.stdout
    assert "torch 2" in done.stdout
    assert str(tmp_path) in done.stdout


def test_without_models_it_exits_2_and_json_says_the_same(tmp_path):
    empty = {"WHISPER_MODEL_DIR": str(tmp_path / "m"), "HF_HUB_CACHE": str(tmp_path / "h"), "HF_HOME": str(tmp_path)}
    done = run("--json", "--data", str(tmp_path), "--runs", str(tmp_path), **empty)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, told["usable"]) == (2, False)
    missing = [f for f in told["findings"] if f["state"] == "missing"]
    assert [(f["topic"], f["advice"]) for f in missing] == [("Models", "run `make setup` once")]


def test_an_option_that_is_not_there_is_refused_and_those_of_the_page_are_passed_over(tmp_path):
    done = run("--netwrok")
    assert (done.returncode, "--netwrok" in done.stderr, done.stdout) == (2, True, "")
    folders = ("--data", str(tmp_path), "--runs", str(tmp_path))
    assert "error" not in run("--share", "--live_days", "3", *folders).stderr


def test_it_needs_none_of_the_packages_that_it_looks_for(tmp_path):
    names = ("gradio", "pydantic", "psutil", "numpy", "ctranslate2", "av", "huggingface_hub", "jsonargparse", "tqdm")
    done = run(code=WITHOUT.format(names=names, folder=str(tmp_path)))
    assert done.returncode == 2
    assert "MISSING" in done.stdout
    assert "Traceback" not in done.stderr
