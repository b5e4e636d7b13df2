"""Status of a run: the content of status.json, and whether the recorded process is running."""

import time
from typing import Literal

import psutil
from pydantic import BaseModel, Field

State = Literal["queued", "running", "stopping", "finished", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("finished", "failed", "interrupted")
RESUME_HINT = "Press Resume to continue."  # for the reason of an interrupted run
START_TIMEOUT_S = 60  # a run without a process after this time counts as interrupted
PROCESS_START_TOLERANCE_S = 1.0


class Status(BaseModel, frozen=True):
    """Content of status.json."""

    state: State = "queued"
    user: str | None = None
    queue_position: int | None = None  # 1 starts next
    queued_at: float = 0.0  # seconds since 1970; the queue is ordered by it
    pid: int | None = Field(default=None, ge=1, le=2**31 - 1)
    pid_started: float | None = None  # seconds since 1970; a later process may get the same pid
    stage: str = "waiting"  # prepare, teach, find, train, merge, check, report, retention
    step: int = 0
    steps: int = 0  # total; 0 while it is not known
    epoch: int = 0
    heartbeat: float = 0.0  # seconds since 1970
    reason: str | None = None  # why the run failed or was interrupted, in one sentence
    skipped_steps: int = 0  # steps with a loss or gradient that is not finite
    skipped_rows: int = 0  # examples with unusable audio; skipped.jsonl lists them
    left_out: dict[str, int] = {}  # examples that the run does not use, by reason, as far as the manifest tells
    halvings: int = 0  # number of times that a micro-batch was halved because memory ran out
    warning: str | None = None  # a problem that does not end the run


def is_alive(status: Status) -> bool:
    """True if the recorded process is running (same pid and start time; a zombie counts as dead)."""
    if status.pid is None:
        return False
    try:
        process = psutil.Process(status.pid)
        difference_s = abs(process.create_time() - (status.pid_started or 0))
        return difference_s < PROCESS_START_TOLERANCE_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_timed_out(status: Status) -> bool:
    """True if START_TIMEOUT_S have passed since the last heartbeat; meant for a status without a process."""
    return time.time() - status.heartbeat > START_TIMEOUT_S
