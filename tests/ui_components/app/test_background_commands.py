"""Background commands: progress, exclusive keys, stopping, and error sentences."""

import sys
from pathlib import Path

import psutil
import pytest

from qal.errors import OptionError
from tests.waiting import wait_until
from ui_components.app.background_commands import BackgroundCommands

SHOWS_PROGRESS = r"""
import sys, time
sys.stderr.write("base:  10%|#    |\rbase:  42%|####  | 62M/145M")
sys.stderr.flush()
time.sleep(60)
"""
STARTS_CHILD = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(1, flush=True)
time.sleep(60)
"""
FAILS = "import sys; sys.exit('error: there is no network; connect to it')"
CRASHES = "raise ZeroDivisionError"


@pytest.fixture
def commands():
    background_commands = BackgroundCommands()
    yield background_commands
    for command in background_commands.all():
        background_commands.stop(command.key)


def start(commands: BackgroundCommands, folder: Path, code: str, key: str = "fetch:base"):
    return commands.start(key, "Downloading base", [sys.executable, "-c", code], folder)


def test_progress_is_the_last_percentage_of_the_progress_bar(commands, tmp_path):
    command = start(commands, tmp_path, SHOWS_PROGRESS)
    wait_until(lambda: command.progress() == 0.42)
    assert command.last_line().startswith("base:  42%")
    assert commands.any_running()


def test_running_key_is_refused_and_another_key_starts(commands, tmp_path):
    start(commands, tmp_path, SHOWS_PROGRESS)
    with pytest.raises(OptionError, match="already running"):
        start(commands, tmp_path, SHOWS_PROGRESS)
    start(commands, tmp_path, SHOWS_PROGRESS, key="fetch:tiny")


def test_stop_ends_the_command_and_its_child_processes(commands, tmp_path):
    command = start(commands, tmp_path, STARTS_CHILD)
    wait_until(lambda: command.last_line() == "1")
    (child,) = psutil.Process(command.process.pid).children()
    commands.stop(command.key)
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    assert (command.has_failed, command.error_reason()) == (True, "it was stopped")


@pytest.mark.parametrize(
    ("code", "reason"), [(FAILS, "there is no network; connect to it"), (CRASHES, "it ended unexpectedly")]
)
def test_error_reason_is_a_sentence(commands, tmp_path, code, reason):
    command = start(commands, tmp_path, code)
    wait_until(lambda: command.has_failed)
    assert command.error_reason().startswith(reason)


def test_dismiss_removes_only_ended_commands(commands, tmp_path):
    command = start(commands, tmp_path, SHOWS_PROGRESS)
    commands.dismiss(command.key)
    assert commands.all() == [command]
    commands.stop(command.key)
    commands.dismiss(command.key)
    assert commands.all() == []


def test_log_of_a_key_with_path_separators_stays_in_the_log_folder(commands, tmp_path):
    command = start(commands, tmp_path / "logs", "print(1)", key="export:int8:/../../etc/passwd")
    assert command.log.parent == tmp_path / "logs"


def test_command_uses_the_servers_models_folder_as_absolute_path(commands, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHISPER_MODEL_DIR", "models")
    command = start(commands, tmp_path, "from qal.engine.catalogue import models_folder; print(models_folder())")
    wait_until(lambda: not command.is_running)
    assert command.last_line() == str(tmp_path / "models")


def test_join_running_returns_the_running_command(commands, tmp_path):
    command = start(commands, tmp_path, SHOWS_PROGRESS)
    command_line = [sys.executable, "-c", SHOWS_PROGRESS]
    joined = commands.start(command.key, "the same", command_line, tmp_path, join_running=True)
    assert joined is command
    assert commands.any_running("fetch:")
    assert not commands.any_running("export:", "corpus:")
