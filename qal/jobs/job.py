"""A training job as a process of its own: start, resume, stop, kill and trash.

The process starts at once and waits in the queue (queue.py) while another job uses the device."""

import contextlib
import itertools
import re
import subprocess
import time
from pathlib import Path

import psutil

from qal.engine.catalogue import CATALOGUE_NAMES, model_environment
from qal.errors import TrainingError
from qal.evaluation.check_result import REFUSED_BY_GATE
from qal.jobs.notes import make_notes, write_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config, save_config
from qal.jobs.run import LAUNCHED_RUN_VARIABLE, Run, create_run
from qal.jobs.status import ENDED, KILLED_BY_USER, NO_PROGRESS, Status
from qal.subcommand import qal_command, qal_environment

TRASH_FOLDER = ".trash"
KILL_TIMEOUT_S = 5
MAX_STEM_CHARS = 60  # of a folder's name that is made from a title


def start(config: TrainingConfig, runs: Path, user: str | None = None, title: str = "") -> Run:
    """Creates a run, launches its job and returns at once; the job waits while others use the device.

    Args:
        config: the settings of the run.
        runs: the folder of all runs.
        user: the user who starts the run.
        title: the name that the pages show; the folder is named after it. "": the folder's name, date and time.

    Raises:
        OptionError: the title is too long, or `runs` is a file.
    """
    notes = make_notes(title, tags="", note="", pinned=False)
    run = create_run(config, runs, folder_name(notes.title, runs), user=user)
    if notes.title:
        write_notes(run, notes)
    launch(run)
    return run


def folder_name(title: str, runs: Path) -> str | None:
    """Returns a folder name for a title that no run has: "My test" gives "My-test", then "My-test-2".

    None if the title has no letters or digits; the folder is then named after date and time."""
    stem = re.sub(r"[^\w.-]+", "-", title)[:MAX_STEM_CHARS].strip("-._")
    if not stem:
        return None
    names = (stem if count == 1 else f"{stem}-{count}" for count in itertools.count(1))
    return next(name for name in names if name not in CATALOGUE_NAMES and not (runs / name).exists())


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


def was_refused_by_gate(status: Status) -> bool:
    """True if the run trained its model, and the gate then refused the export."""
    return status.state == "failed" and (status.reason or "").startswith(REFUSED_BY_GATE)


def export_despite_gate(run: Run) -> None:
    """Resumes a run whose model the gate refused: it is exported, and the report says why it failed.

    Raises TrainingError if the gate did not refuse the model, and OptionError if config.yaml is invalid."""
    if not was_refused_by_gate(run.status()):
        raise TrainingError(f"the gate did not refuse the model of run {run.id}; press Resume")
    config = load_config(run.config_file)
    result = config.result.model_copy(update={"gate": "warn"})
    save_config(config.model_copy(update={"result": result}), run.config_file)
    resume(run)


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
        _, alive = psutil.wait_procs(processes, timeout=KILL_TIMEOUT_S)
        if process not in alive and run.status().state not in ("finished", "failed"):
            run.update_status(state="interrupted", reason=KILLED_BY_USER)
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
    run.update_status(**queued, **NO_PROGRESS, pid=None, pid_started=None, queue_position=None)
    with run.log_file.open("ab") as log:
        subprocess.Popen(
            trainer_command(run),
            env=qal_environment(**model_environment(), **{LAUNCHED_RUN_VARIABLE: run.id}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
