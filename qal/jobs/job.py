"""A training job as a process of its own: start, resume, stop, kill and trash.

The process starts at once and waits in the queue (queue.py) while another job uses the device."""

import contextlib
import subprocess
import time
from pathlib import Path

import psutil

from qal.engine.catalogue import model_environment
from qal.errors import TrainingError
from qal.jobs.notes import rename
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import LAUNCHED_RUN_VARIABLE, Run, create_run
from qal.jobs.status import ENDED
from qal.subcommand import qal_command, qal_environment

TRASH_FOLDER = ".trash"
KILL_TIMEOUT_S = 5


def start(config: TrainingConfig, runs: Path, user: str | None = None, title: str = "") -> Run:
    """Creates a run, launches its job and returns at once; the job waits while others use the device.

    `title` is the name that the pages show in place of the run's id."""
    run = create_run(config, runs, user=user)
    if title:
        rename(run, title)
    launch(run)
    return run


def resume(run: Run) -> None:
    """Launches the job again from its last checkpoint, at the end of the queue.

    Raises TrainingError if the run has not ended or is finished, and OptionError if its config.yaml is invalid."""
    state = run.status().state
    if state not in ENDED:
        raise TrainingError(f"run {run.id} is still {state}; stop it first")
    if state == "finished":
        raise TrainingError(f"run {run.id} has finished; start a new one")
    load_config(run.config_file)  # an update may have made it invalid; the user sees this error, not only the log
    launch(run)


def stop(run: Run) -> None:
    """Asks the job to stop: a training job writes a checkpoint first, a queued job leaves the queue.

    Raises TrainingError if the run has ended."""
    if run.status().state in ENDED:
        raise TrainingError(f"run {run.id} has ended already")
    run.request_stop()


def kill(run: Run) -> None:
    """Kills the job's process and its child processes; steps after the last checkpoint are repeated by a resume.

    Raises TrainingError if the run has ended, has no process yet, or belongs to another account."""
    status = run.status()
    if status.state in ENDED:
        raise TrainingError(f"run {run.id} has ended already")
    if status.pid is None:
        raise TrainingError(f"the process of run {run.id} is starting; try again in some seconds")
    try:
        process = psutil.Process(status.pid)
        processes = [*process.children(recursive=True), process]
        for running in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                running.kill()
        psutil.wait_procs(processes, timeout=KILL_TIMEOUT_S)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise TrainingError(f"run {run.id} belongs to another account of this machine; end it there") from error


def trash(run: Run) -> Path:
    """Moves the folder of an ended run to the trash folder and returns its new path.

    Raises TrainingError if the run has not ended."""
    if run.status().state not in ENDED:
        raise TrainingError(f"run {run.id} is still {run.status().state}; stop it first")
    folder = run.folder.parent / TRASH_FOLDER
    folder.mkdir(exist_ok=True)
    moved = folder / f"{run.id}-{time.strftime('%Y%m%d-%H%M%S')}"
    if moved.exists():
        raise TrainingError(f"{moved} exists already; wait a second and try again")
    return run.folder.rename(moved)


def trainer_command(run: Run) -> list[str]:
    """Returns the command line of the job's process."""
    return qal_command("train", "--resume", str(run.folder.resolve()))


def launch(run: Run) -> None:
    """Starts the job as a detached process, which outlives this one. From then on only the job writes status.json."""
    run.stop_file.unlink(missing_ok=True)
    queued = {"state": "queued", "stage": "waiting", "reason": None, "queued_at": time.time()}
    run.update_status(**queued, pid=None, pid_started=None, queue_position=None)
    with run.log_file.open("ab") as log:
        subprocess.Popen(
            trainer_command(run),
            env=qal_environment(**model_environment(), **{LAUNCHED_RUN_VARIABLE: run.id}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
