"""A training job as a process of its own: start it, find it again, stop it. No torch here.

While another job has the device the process is there already and waits, so that a queue needs no server."""

import contextlib
import fcntl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from qal.engine.catalogue import places
from qal.errors import OptionError, TrainingError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import ENDED, LAUNCHED_FOR, Run, create_run, is_launched, list_runs
from qal.subcommand import qal_command, qal_environment

TRASH = ".trash"
WAIT_S = 0.5  # between two looks at the queue
BEAT_S = 10.0  # between two signs of life of a process that waits


def start(config: TrainingConfig, runs: Path, user: str | None = None) -> Run:
    """Starts the job and returns at once; it waits for its turn where others use the device or wait for it."""
    run = create_run(config, runs, user=user)
    launch(run)
    return run


def resume(run: Run) -> None:
    """Starts the job again from its last checkpoint, behind those that wait."""
    state = run.status().state
    if state not in ENDED:
        raise TrainingError(f"run {run.id} is still {state}; stop it first")
    if state == "finished":
        raise TrainingError(f"run {run.id} has finished; start a new one")
    load_config(run.config_file)  # an upgrade may have made another's of it: said at once, not by a process in its log
    launch(run)


def stop(run: Run) -> None:
    """Asks: a job that trains makes a checkpoint first, one that waits leaves the queue."""
    if run.status().state in ENDED:
        raise TrainingError(f"run {run.id} has ended already")
    run.request_stop()


def kill(run: Run) -> None:
    """Ends the job's process and all that it started, at once; what came after its last checkpoint is repeated."""
    status = run.status()
    if status.state in ENDED:
        raise TrainingError(f"run {run.id} has ended already")
    if status.pid is None:
        raise TrainingError(f"the process of run {run.id} is only beginning; try again in some seconds")
    try:
        process = psutil.Process(status.pid)
        family = [*process.children(recursive=True), process]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family, timeout=5)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise TrainingError(f"run {run.id} belongs to another account of this machine; end it there") from error


def trash(run: Run) -> Path:
    """Moves an ended run to the trash folder beside it; -> where it is now."""
    if run.status().state not in ENDED:
        raise TrainingError(f"run {run.id} is still {run.status().state}; stop it first")
    folder = run.folder.parent / TRASH
    folder.mkdir(exist_ok=True)
    moved = folder / f"{run.id}-{time.strftime('%Y%m%d-%H%M%S')}"
    if moved.exists():
        raise TrainingError(f"{moved} is there already; wait a second and try again")
    return run.folder.rename(moved)


def trainer_command(run: Run) -> list[str]:
    """The command line of a job's process."""
    return qal_command("train", "--resume", str(run.folder.resolve()))


def launch(run: Run) -> None:
    """A detached process: it lives on when the page, or its server, goes away. From here on it alone writes status."""
    run.stop_file.unlink(missing_ok=True)
    queued = {"state": "queued", "stage": "waiting", "reason": None, "queued_at": time.time()}
    run.update_status(**queued, pid=None, pid_started=None, queue_position=None)
    with run.log_file.open("ab") as log:
        subprocess.Popen(
            trainer_command(run),
            env=qal_environment(**places(), **{LAUNCHED_FOR: run.id}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def running(runs: Path) -> Run | None:
    """The job that uses the device."""
    return next((r for r in list_runs(runs) if r.status().state in ("running", "stopping")), None)


def waiting(runs: Path) -> list[Run]:
    """The jobs whose processes wait for the device, the next one first."""
    found = [(run.status(), run) for run in list_runs(runs)]
    queued = [(status.queued_at, run) for status, run in found if status.state == "queued"]
    return [run for _, run in sorted(queued, key=lambda one: (one[0], one[1].id))]


def refuse_when_busy(runs: Path) -> None:
    """For a job that would not wait."""
    busy = running(runs)
    if busy:
        raise in_use(busy)


def in_use(by: Run | None) -> TrainingError:
    who = f"run {by.id}" if by else "another job"
    return TrainingError(f"{who} is using the device; stop it or wait until it has ended")


@contextmanager
def device_lock(runs: Path, queued: Run | None = None) -> Iterator[None]:
    """Held by the one job of a runs folder that uses the device; the system frees it when the job dies.

    A run that was launched waits here for its turn, or raises Stopped; any other is refused while a job has it."""
    if runs.exists() and not runs.is_dir():
        raise OptionError(f"{runs}: is a file, not a folder; choose another --runs")
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / ".device.lock").open("w") as file:
        waits = queued is not None and is_launched(queued)
        while not _taken(file.fileno(), runs, queued if waits else None):
            if not waits or queued is None:
                raise in_use(running(runs))
            queued.require_wanted()
            time.sleep(WAIT_S)
        yield


def _taken(lock: int, runs: Path, queued: Run | None) -> bool:
    """Takes the lock if it is free and, for one that waits, nobody is before it; tells its place."""
    place = 1
    if queued is not None:
        line = [run.id for run in waiting(runs)]
        place = line.index(queued.id) + 1 if queued.id in line else 1
        status, me = queued.status(), psutil.Process()
        if status.queue_position != place or time.time() - status.heartbeat > BEAT_S:
            queued.update_status(queue_position=place, pid=me.pid, pid_started=me.create_time())
    if place > 1:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
