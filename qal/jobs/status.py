"""Status of a run: the content of status.json, and whether the recorded process is running."""

import time
from typing import Any, Literal

import psutil
from pydantic import BaseModel, Field

from qal.jobs.stages import Stages, completed_share

State = Literal["queued", "running", "stopping", "finished", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("finished", "failed", "interrupted")
RESUME_HINT = "Press Resume to continue."  # for the reason of an interrupted run
STOPPED_BY_USER = f"Stopped by you. {RESUME_HINT}"
KILLED_BY_USER = f"Killed by you. Steps after the last checkpoint are repeated. {RESUME_HINT}"
LEFT_QUEUE = f"You took the run out of the queue. {RESUME_HINT}"
STOPPED_BY_SIGNAL = f"Stopped from the keyboard or by a signal. {RESUME_HINT}"
REQUESTED_STOPS = (STOPPED_BY_USER, KILLED_BY_USER, LEFT_QUEUE, STOPPED_BY_SIGNAL)
NO_PROGRESS: dict[str, Any] = {"stages": (), "stage_done": 0, "stage_total": 0, "progressed": 0.0}  # before a start
START_TIMEOUT_S = 60  # a run without a process after this time counts as interrupted
PROCESS_START_TOLERANCE_S = 1.0
MAX_SHARE_IN_PROGRESS = 0.99  # of a run that has not finished
UNREADABLE_PROCESS_TIMEOUT_S = 120  # age of the heartbeat until which an unreadable process counts as the run's


class Status(BaseModel, frozen=True):
    """Content of status.json."""

    state: State = "queued"
    user: str | None = None
    queue_position: int | None = None  # 1 starts next
    queued_at: float = 0.0  # seconds since 1970; the queue is ordered by it
    pid: int | None = Field(default=None, ge=1, le=2**31 - 1)
    pid_started: float | None = None  # seconds since 1970; a later process may get the same pid
    stage: str = "waiting"  # the current one, a name of stages.STAGE_ORDER
    stage_done: int = 0  # units of the current stage (see stages.StageStatus)
    stage_total: int = 0  # 0 while it is not known
    stages: Stages = ()  # all stages of this attempt, in order; empty before the start and in runs of old versions
    step: int = 0
    steps: int = 0  # total; 0 while it is not known
    epoch: int = 0
    heartbeat: float = 0.0  # seconds since 1970; a thread of the job updates it while the process runs
    progressed: float = 0.0  # seconds since 1970; when the job last completed a unit of a stage
    reason: str | None = None  # why the run failed or was interrupted, in one sentence
    skipped_steps: int = 0  # steps with a loss or gradient that is not finite
    skipped_rows: int = 0  # examples with unusable audio; skipped.jsonl lists them
    left_out: dict[str, int] = {}  # examples that the run does not use, by reason, as far as the manifest tells
    leakage: str | None = None  # what the test examples share with the training examples, in one sentence
    halvings: int = 0  # number of times that a micro-batch was halved because memory ran out
    warning: str | None = None  # a problem that does not end the run


def is_alive(status: Status) -> bool:
    """True if the recorded process is running (same pid and start time; a zombie counts as dead).

    The start time of another account's process may be unreadable; it counts as the run's while the heartbeat is new."""
    if status.pid is None:
        return False
    try:
        process = psutil.Process(status.pid)
        difference_s = abs(process.create_time() - (status.pid_started or 0))
        return difference_s < PROCESS_START_TOLERANCE_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # or a zombie
        return False
    except psutil.AccessDenied:
        return time.time() - status.heartbeat < UNREADABLE_PROCESS_TIMEOUT_S


def run_share(status: Status) -> float:
    """The completed share of the run: 1 only if it has finished.

    Runs of old versions recorded no stages; for them it is the share of the training steps."""
    if status.state == "finished":
        return 1.0
    share = completed_share(status.stages)
    if share is None:
        share = status.step / status.steps if status.steps else 0.0
    return min(MAX_SHARE_IN_PROGRESS, share)


def was_stopped_on_request(status: Status) -> bool:
    """True if a user stopped the run; False if its process was killed or failed."""
    return status.state == "interrupted" and status.reason in REQUESTED_STOPS


def start_timed_out(status: Status) -> bool:
    """True if START_TIMEOUT_S have passed since the last heartbeat; meant for a status without a process."""
    return time.time() - status.heartbeat > START_TIMEOUT_S
