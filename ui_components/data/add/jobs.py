"""Imports and other long work on datasets as processes of their own, each with a folder in data/.imports.

    <id>/job.json    what it is, the command, the process          <id>/log.txt    its output: progress, result or error
    <id>/source/     the uploaded files, until the import has succeeded

What the page shows is what these files say, so that a reload, another browser or a restarted server shows the same."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

import psutil
from pydantic import BaseModel, ValidationError

from qal.engine.catalogue import model_environment
from qal.errors import OptionError
from qal.jobs.status import Status, is_alive
from qal.storage import storage_errors
from qal.subcommand import qal_environment

JOBS_FOLDER = ".imports"  # in the data folder
JOB_FILE, LOG_FILE, SOURCE_FOLDER = "job.json", "log.txt", "source"
JOB_ID = re.compile(r"[0-9a-f]{16}")
LOG_TAILS_BYTES = (1 << 14, 1 << 20, 1 << 26)  # the first one that has a whole line is taken
BAR = re.compile(r"(\d+)/(\d+) \[[\d:]+<([\d:?]+)")  # of tqdm: done, total, time left
BAR_TITLE = re.compile(r"([a-z ]+): .*\[\d+:\d")  # of tqdm, also while the total is not known
STOP_TIMEOUT_S = 5  # between SIGTERM and SIGKILL
ABANDONED_S = 2 * 24 * 3600  # age of an upload that was not imported
RECENT_S = 600  # time for which the result of a job is shown on every tab
ERROR = "error: "

JobState = Literal["running", "finished", "failed", "cancelled", "interrupted"]


class Job(BaseModel, frozen=True):
    """Contents of job.json."""

    id: str
    kind: Literal["import", "check", "evaluation"]
    dataset: str  # name of the folder in the data folder
    title: str
    command: tuple[str, ...]
    user: str | None = None
    pid: int | None = None
    pid_started: float | None = None
    started: float = 0.0  # seconds since 1970
    cancelled: bool = False


class JobProgress(NamedTuple):
    """How far a job is, from the last line of its log."""

    share: float | None  # 0 to 1; None: not known
    left: str  # time left as tqdm writes it, such as 01:30; empty: not known
    line: str  # the last line
    stage: str = ""  # the title of the progress bar, such as "audio"; empty: not known


def new_job_folder(data: Path) -> Path:
    """Returns the path of a new job's folder, which does not exist yet."""
    return data.resolve() / JOBS_FOLDER / secrets.token_hex(8)


def job_folder(data: Path, job_id: object) -> Path:
    """Returns the folder of a job. Raises OptionError if the id, which comes from a web page, is not one."""
    folder = data.resolve() / JOBS_FOLDER / str(job_id)
    if not JOB_ID.fullmatch(str(job_id)) or not folder.is_dir():
        raise OptionError("this import is no longer there; reload the page")
    return folder


def start_job(folder: Path, job: Job) -> Job:
    """Starts the process of a job, whose output goes to its log. Raises StorageError."""
    with storage_errors("the import"):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        with (folder / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                job.command,
                env=qal_environment(TMPDIR=str(temporary), PYTHONUNBUFFERED="1", **model_environment()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with suppress(psutil.NoSuchProcess):
            job = job.model_copy(update={"pid_started": psutil.Process(process.pid).create_time()})
        job = job.model_copy(update={"pid": process.pid, "started": time.time(), "cancelled": False})
        _write(folder, job)
    _PROCESSES.append(process)
    return job


_PROCESSES: list["subprocess.Popen[bytes]"] = []  # of this server; they are waited for, so that none stays a zombie


def read_job(folder: Path) -> Job | None:
    """Returns the job of a folder; None if it has none, such as an upload that was not imported."""
    try:
        return Job.model_validate_json((folder / JOB_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def list_jobs(data: Path) -> list[tuple[Path, Job]]:
    """Returns the jobs with their folders, the oldest first, and deletes uploads that were not imported."""
    _PROCESSES[:] = [process for process in _PROCESSES if process.poll() is None]
    found = []
    folders = data / JOBS_FOLDER
    for folder in sorted(folders.iterdir()) if folders.is_dir() else ():
        job = read_job(folder)
        if job:
            found.append((folder, job))
        elif _age_s(folder) > ABANDONED_S:
            shutil.rmtree(folder, ignore_errors=True)
    return sorted(found, key=lambda pair: pair[1].started)


def recent_jobs(data: Path) -> list[tuple[Path, Job]]:
    """Returns the jobs that are running or have ended within the last RECENT_S, the oldest first."""
    jobs = list_jobs(data)
    return [(folder, job) for folder, job in jobs if _is_running(job) or _age_s(folder / LOG_FILE) < RECENT_S]


def _is_running(job: Job) -> bool:
    return is_alive(Status(pid=job.pid, pid_started=job.pid_started))


def job_state(folder: Path, job: Job) -> JobState:
    """Returns the state of a job, from its process and the end of its log."""
    if _is_running(job):
        return "running"
    last = last_line(folder)
    if last.startswith("{"):
        return "finished"
    if job.cancelled:
        return "cancelled"
    return "failed" if last.startswith(ERROR) or "Error" in last else "interrupted"


def progress_of(folder: Path) -> JobProgress:
    """Returns the progress of a job."""
    line = last_line(folder)
    found, title = BAR.search(line), BAR_TITLE.match(line)
    stage = title[1] if title else ""
    if not found:
        return JobProgress(None, "", line, stage)
    done, total, left = int(found[1]), int(found[2]), found[3]
    return JobProgress(min(1.0, done / total) if total else None, "" if "?" in left else left, line, stage)


def last_line(folder: Path) -> str:
    """Returns the last line of the log that is not empty; tqdm rewrites its line after a carriage return."""
    for tail_bytes in LOG_TAILS_BYTES:  # a result may be a long line
        text, is_whole = _read_tail(folder / LOG_FILE, tail_bytes)
        lines = [line.strip() for line in re.split(r"[\r\n]", text) if line.strip()]
        if lines and (len(lines) > 1 or is_whole):
            return lines[-1]
    return ""


def _read_tail(path: Path, tail_bytes: int) -> tuple[str, bool]:
    """Returns the end of a file, and whether it is the whole file; ("", True) for a missing file."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - tail_bytes)
            file.seek(start)
            return file.read().decode(errors="replace"), start == 0
    except OSError:
        return "", True


def result_of(folder: Path) -> dict[str, object]:
    """Returns the JSON object that the command printed last; {} if there is none."""
    try:
        lines = (folder / LOG_FILE).read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
        found = json.loads(lines[-1]) if lines else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def cancel_job(folder: Path, job: Job) -> None:
    """Ends the process of a job and all that it has started; what is done is kept, so that it can be continued."""
    _write(folder, job.model_copy(update={"cancelled": True}))
    if job_state(folder, job) != "running" or job.pid is None:
        return
    for number, timeout_s in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
        with suppress(ProcessLookupError):
            os.killpg(job.pid, number)
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            if not _is_running(job):
                return
            time.sleep(0.05)


def discard_job(data: Path, folder: Path, job: Job) -> None:
    """Deletes a job that has ended, with its uploaded files and what an unfinished import has written."""
    if job_state(folder, job) == "running":
        raise OptionError("this is still running; cancel it first")
    if job.kind == "import":
        for staged in data.resolve().glob(f".{job.dataset}-import-*"):
            shutil.rmtree(staged, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def delete_source(folder: Path) -> None:
    """Deletes the uploaded files of an import that has succeeded."""
    for name in (SOURCE_FOLDER, "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)


def new_job(folder: Path, kind: Literal["import", "check"], dataset: str, command: Sequence[str], title: str) -> Job:
    return Job(id=folder.name, kind=kind, dataset=dataset, title=title, command=tuple(command))


def _write(folder: Path, job: Job) -> None:
    new = folder / f".{JOB_FILE}.new"
    new.write_text(job.model_dump_json(indent=1), encoding="utf-8")
    new.replace(folder / JOB_FILE)


def _age_s(folder: Path) -> float:
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0
