"""The queue of jobs for the device. It is made of processes that wait for a lock, so it needs no server."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from qal.errors import OptionError, TrainingError
from qal.jobs.run import Run, is_launched, list_runs

POLL_S = 0.5  # interval at which a queued job checks its position
HEARTBEAT_S = 10.0  # interval of the heartbeats of a queued job
LOCK_FILE = ".device.lock"


def running_job(runs: Path) -> Run | None:
    """Returns the run that uses the device, if there is one."""
    return next((r for r in list_runs(runs) if r.status().state in ("running", "stopping")), None)


def queued_jobs(runs: Path) -> list[Run]:
    """Returns the runs that wait for the device, in the order in which they start."""
    statuses = [(run.status(), run) for run in list_runs(runs)]
    queued = [(status.queued_at, run) for status, run in statuses if status.state == "queued"]
    return [run for _, run in sorted(queued, key=lambda entry: (entry[0], entry[1].id))]


def require_free_device(runs: Path) -> None:
    """Raises TrainingError if a job uses the device."""
    run = running_job(runs)
    if run:
        raise device_in_use(run)


def device_in_use(run: Run | None) -> TrainingError:
    """Returns the error that names the run which uses the device; None if the run is not known."""
    job = f"run {run.id}" if run else "another job"
    return TrainingError(f"{job} is using the device; stop it or wait until it has ended")


@contextmanager
def device_lock(runs: Path, queued: Run | None = None) -> Iterator[None]:
    """Holds the lock of the device, which one job of a runs folder has at a time; it is released when the job ends.

    Args:
        runs: the folder of all runs.
        queued: the run of this process. If it was launched, this waits until the device is free.

    Raises:
        Stopped: a stop was requested while the run was queued.
        TrainingError: the device is in use and the run was not launched.
        OptionError: `runs` is a file.
    """
    if runs.exists() and not runs.is_dir():
        raise OptionError(f"{runs}: is a file, not a folder; choose another --runs")
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / LOCK_FILE).open("w") as file:
        waits = queued is not None and is_launched(queued)
        while not _acquired(file.fileno(), runs, queued if waits else None):
            if not waits or queued is None:
                raise device_in_use(running_job(runs))
            queued.raise_if_stop_requested()
            time.sleep(POLL_S)
        yield


def _acquired(lock: int, runs: Path, queued: Run | None) -> bool:
    """Takes the lock if it is free and no other run is before the queued one, whose position is recorded."""
    position = _recorded_position(runs, queued) if queued else 1
    if position > 1:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _recorded_position(runs: Path, run: Run) -> int:
    """Returns the run's position in the queue, from 1; writes it to status.json if it changed or is old."""
    ids = [queued.id for queued in queued_jobs(runs)]
    position = ids.index(run.id) + 1 if run.id in ids else 1
    status, process = run.status(), psutil.Process()
    if status.queue_position != position or time.time() - status.heartbeat > HEARTBEAT_S:
        run.update_status(queue_position=position, pid=process.pid, pid_started=process.create_time())
    return position
