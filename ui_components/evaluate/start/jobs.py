"""Evaluations that were started on the page, as processes of their own, each with a folder in evaluations/.jobs.

    <id>/job.json    the models, the command, the process          <id>/log.txt    its output: progress, result or error

The page shows the contents of these files, so that a reload, another browser or a restarted server shows the same."""

import re
import secrets
import shutil
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from qal.errors import OptionError
from ui_components.data.add.jobs import (
    BAR,
    JOB_FILE,
    JOB_ID,
    Job,
    JobState,
    cancel_job,
    job_state,
    last_line,
    start_job,
)

JOBS_FOLDER = ".jobs"  # in the folder of evaluations
MODEL_BAR = re.compile(
    r"(.*?) on [^:]*: +\d+%\|.*\[([\d:]+)<([\d:]+)"
)  # of tqdm: model, time since the start, time left
KEPT_JOBS = 20  # the newest ones; the evaluations themselves are all kept


class EvaluationJob(Job, frozen=True):
    """Contents of job.json."""

    models: tuple[str, ...] = ()


class EvaluationProgress(NamedTuple):
    """The progress of a job."""

    model: str  # that is being evaluated; "": none yet
    number: int  # of this model, from 1; 0: none yet
    done: int  # examples of this model
    total: int
    share: float | None  # of all models, 0 to 1; None: not known
    left_s: float | None  # time left for all models, about; None: not known


STARTING = EvaluationProgress("", 0, 0, 0, None, None)


def list_jobs(evaluations: Path) -> list[tuple[Path, EvaluationJob]]:
    """Returns the jobs with their folders, the oldest first; of those that have ended, old ones are deleted."""
    folders = evaluations / JOBS_FOLDER
    found = [(folder, read_job(folder)) for folder in (folders.iterdir() if folders.is_dir() else ())]
    jobs = sorted(((folder, job) for folder, job in found if job), key=lambda pair: pair[1].started)
    for folder, job in jobs[:-KEPT_JOBS]:
        if job_state(folder, job) != "running":
            shutil.rmtree(folder, ignore_errors=True)
    return jobs[-KEPT_JOBS:]


def read_job(folder: Path) -> EvaluationJob | None:
    """Returns the job of a folder; None if it has none."""
    try:
        return EvaluationJob.model_validate_json((folder / JOB_FILE).read_bytes())
    except (OSError, ValidationError):
        return None


def find_job(evaluations: Path, job_id: object) -> tuple[Path, EvaluationJob]:
    """Returns a job with its folder. Raises OptionError if the id, which comes from a web page, is none."""
    folder = evaluations.resolve() / JOBS_FOLDER / str(job_id)
    job = read_job(folder) if JOB_ID.fullmatch(str(job_id)) else None
    if job is None:
        raise OptionError("this evaluation is no longer listed; reload the page")
    return folder, job


def start_evaluation(
    evaluations: Path, models: tuple[str, ...], dataset: str, command: list[str], user: str | None
) -> EvaluationJob:
    """Starts the process of an evaluation.

    Args:
        evaluations: the folder of evaluations.
        models: the models.
        dataset: name of the dataset.
        command: the command line.
        user: the user who starts it, None if the page has no login.

    Raises:
        OptionError: another one is running.
        StorageError: the job cannot be written."""
    require_none_running(evaluations)
    folder = evaluations.resolve() / JOBS_FOLDER / secrets.token_hex(8)
    title = f"Evaluation of {', '.join(models)} on {dataset}"
    job = EvaluationJob(
        id=folder.name,
        kind="evaluation",
        dataset=dataset,
        title=title,
        command=tuple(command),
        user=user,
        models=models,
    )
    start_job(folder, job)
    return job


def require_none_running(evaluations: Path) -> None:
    """Raises OptionError while an evaluation is running: two at once would measure each other's load as their speed."""
    for folder, job in list_jobs(evaluations):
        if job_state(folder, job) == "running":
            raise OptionError("an evaluation is running; wait until it has ended, or stop it")


def continue_job(evaluations: Path, folder: Path, job: EvaluationJob) -> None:
    """Starts a stopped evaluation again; what is transcribed is kept. Raises OptionError if another one is running."""
    require_none_running(evaluations)
    start_job(folder, job)


def stop_job(folder: Path, job: EvaluationJob) -> None:
    """Ends the process of an evaluation; what is transcribed is kept."""
    cancel_job(folder, job)


def dismiss_job(folder: Path, job: EvaluationJob) -> None:
    """Removes a job that has ended from the list; its evaluations are kept. Raises OptionError if it is running."""
    if job_state(folder, job) == "running":
        raise OptionError("this evaluation is still running; stop it first")
    shutil.rmtree(folder, ignore_errors=True)


def state_of(folder: Path, job: EvaluationJob) -> JobState:
    return job_state(folder, job)


def progress_of(folder: Path, job: EvaluationJob) -> EvaluationProgress:
    """Returns the progress of a job, from the last line of its log."""
    line = last_line(folder)
    counts, times = BAR.search(line), MODEL_BAR.match(line)
    if not counts:
        return STARTING
    model = times[1] if times else ""
    number = job.models.index(model) + 1 if model in job.models else 1
    done, total = int(counts[1]), int(counts[2])
    share = (number - 1 + done / total) / len(job.models) if total else None
    if not times:
        return EvaluationProgress(model, number, done, total, share, None)
    elapsed_s, left_s = seconds_of(times[2]), seconds_of(times[3])
    others = max(0, len(job.models) - number)
    return EvaluationProgress(model, number, done, total, share, left_s + others * (elapsed_s + left_s))


def seconds_of(time: str) -> float:
    """Reads a time as tqdm writes it: "01:30" -> 90, "1:00:00" -> 3600."""
    seconds = 0
    for part in time.split(":"):
        seconds = 60 * seconds + int(part or 0)
    return float(seconds)


def error_of(folder: Path) -> str:
    """Returns the reason of a failed job, in a sentence without a capital."""
    line = last_line(folder)
    return line.removeprefix("error: ") if line.startswith("error: ") else f"it ended unexpectedly: {line[:200]}"
