"""Ctrl-C in the demo: the command that runs may record its state, and one sentence says how to continue."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qal.cli.command import EXIT_INTERRUPTED
from qal.cli.subcommands import demo
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from tests.waiting import wait_until

SLOW_TO_STOP = """
import pathlib, sys, time
marker = pathlib.Path(sys.argv[1])
try:
    marker.touch()
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)  # longer than subprocess.run would wait before it kills
    marker.write_text("recorded")
    sys.exit(130)
"""
INTERRUPTED = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from qal.cli.subcommands import demo
from qal.cli.command import run_command
demo.qal_command = lambda *arguments: [sys.executable, "-c", {SLOW_TO_STOP!r}, sys.argv[1]]
run_command(lambda: demo.step(1, "Import", "corpus"))
"""


def test_interrupted_demo_lets_its_command_record_the_state_and_exits_with_130(tmp_path):
    marker = tmp_path / "marker"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(marker)], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_until(marker.exists)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == EXIT_INTERRUPTED
    assert marker.read_text() == "recorded"
    assert errors.strip() == "Stopped. Start the demo again with: qal demo (or make demo)"


@pytest.mark.parametrize("has_run", [False, True])
def test_demo_leaves_the_sentence_to_a_training_whose_run_exists(has_run, tmp_path, monkeypatch, capsys):
    run = create_run(TrainingConfig(), tmp_path, "r") if has_run else Run(tmp_path / "r")
    monkeypatch.setattr(demo, "run_in_foreground", lambda command: EXIT_INTERRUPTED)
    with pytest.raises(KeyboardInterrupt):
        demo.step(2, "Fine-tune", "train", of_run=run)
    assert ("Start the demo again" in capsys.readouterr().err) == (not has_run)


def test_interrupted_training_names_the_command_that_resumes_it(tmp_path, monkeypatch, capsys):
    import train_whisper_lightning as script

    run = create_run(TrainingConfig(), tmp_path, "my run".replace(" ", "-"))

    def stages(*_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(script, "run_stages", stages)
    with pytest.raises(KeyboardInterrupt):
        script.run_job(run, TrainingConfig())
    assert f"Stopped. Continue with: qal train --resume {run.folder}" in capsys.readouterr().err
    assert run.status().state == "interrupted"
    assert Path(run.folder).is_dir()
