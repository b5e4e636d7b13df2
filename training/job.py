"""A training job as a process of its own: start it, find it again, stop it. No torch here."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from errors import OptionError, TrainingError
from training.config import TrainingConfig
from training.run import ENDED, Run, create_run, list_runs

SCRIPT = Path(__file__).parent.parent / "train_whisper_lightning.py"


def start(config: TrainingConfig, runs: Path) -> Run:
    """Starts the job and returns at once; raises TrainingError while another one has the device."""
    refuse_when_busy(runs)
    run = create_run(config, runs)
    launch(run)
    return run


def refuse_when_busy(runs: Path) -> None:
    busy = running(runs)
    if busy:
        raise TrainingError(f"run {busy.id} is using the device; stop it or wait until it has ended")


def resume(run: Run) -> None:
    """Starts the job again from its last checkpoint."""
    if run.status().state not in ENDED:
        raise TrainingError(f"run {run.id} is still {run.status().state}; stop it first")
    refuse_when_busy(run.folder.parent)
    launch(run)


def launch(run: Run) -> None:
    """A detached process: it lives on when the page, or its server, goes away."""
    run.stop_file.unlink(missing_ok=True)
    with run.log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "--resume", str(run.folder.resolve())],
            cwd=SCRIPT.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    run.update_status(
        state="queued", reason=None, pid=process.pid, pid_started=psutil.Process(process.pid).create_time()
    )


def running(runs: Path) -> Run | None:
    return next((r for r in list_runs(runs) if r.status().pid and r.status().state not in ENDED), None)


@contextmanager
def device_lock(runs: Path) -> Iterator[None]:
    """Held by the one job of a runs folder that uses the device; the system frees it when the job dies."""
    if runs.exists() and not runs.is_dir():
        raise OptionError(f"{runs}: is a file, not a folder; choose another --runs")
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / ".device.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            busy = running(runs)
            who = f"run {busy.id}" if busy else "another job"
            raise TrainingError(f"{who} is using the device; stop it or wait until it has ended") from error
        yield
