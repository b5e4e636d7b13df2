"""The run folder: what a job writes and everybody else reads. No torch here.

runs/<id>/config.yaml · status.json · stop · metrics.jsonl · samples.jsonl · skipped.jsonl · environment.jsonl ·
log.txt · rank-error.txt · learning_rate.json · checkpoints/ · conversion_check.json · model/ · transformers/ ·
report.json · tensorboard/, mlruns/ and the like · notes.json (what people say of it)"""

import json
import logging
import math
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, Field, ValidationError

from qal.engine.catalogue import NAMES
from qal.errors import OptionError, QalError, TrainingError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import save_config

RUN_NAME = re.compile(r"[\w][\w.-]{0,99}")
State = Literal["queued", "running", "stopping", "finished", "failed", "interrupted"]
MAX_COUNT = 2**53  # of steps: what every reader of JSON can count
UNSTARTED_S = 60  # between the folder and the first word of its process
LAUNCHED_FOR = "QAL_RUN"  # environment variable of a job that was launched: the run's id
ENDED: tuple[State, ...] = ("finished", "failed", "interrupted")


class Stopped(Exception):
    """The run was asked to stop, and has."""


class Status(BaseModel, frozen=True):
    """What status.json says."""

    state: State = "queued"
    user: str | None = None
    queue_position: int | None = None  # 1 is the next
    queued_at: float = 0.0  # seconds since 1970; the order of the queue
    pid: int | None = Field(default=None, ge=1, le=2**31 - 1)
    pid_started: float | None = None  # seconds since 1970; tells our process from another with its number
    stage: str = "waiting"  # prepare, teach, find, train, merge, check, report, retention
    step: int = 0
    steps: int = 0  # of the whole run; 0 while unknown
    epoch: int = 0
    heartbeat: float = 0.0  # seconds since 1970
    reason: str | None = None  # why it failed, in one sentence
    skipped_steps: int = 0  # their loss or gradient was not finite
    skipped_rows: int = 0  # their audio could not be used; skipped.jsonl names them
    halvings: int = 0  # how often a batch did not fit in memory and was divided
    warning: str | None = None  # what somebody should look at while it runs on


class Run:
    """One folder of runs/."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config_file = folder / "config.yaml"
        self.status_file = folder / "status.json"
        self.metrics_file = folder / "metrics.jsonl"
        self.samples_file = folder / "samples.jsonl"  # what was heard at each validation
        self.stop_file = folder / "stop"
        self.log_file = folder / "log.txt"
        self.skipped_file = folder / "skipped.jsonl"
        self.rank_error_file = folder / "rank-error.txt"  # why a process beside the leader ended
        self.report_file = folder / "report.json"
        self.checkpoints = folder / "checkpoints"
        self.model = folder / "model"
        self.transformers = folder / "transformers"  # the same weights in float32, where the options keep them

    @property
    def id(self) -> str:
        return self.folder.name

    def status(self) -> Status:
        """The status; a job whose process is gone without a word is 'interrupted'."""
        status = self._read_status()
        if status.state in ENDED or is_alive(status) or (status.pid is None and not is_forgotten(status)):
            return status
        reason = "the process ended without a word (killed, or the machine restarted); resume it"
        return status.model_copy(update={"state": "interrupted", "reason": reason})

    def _read_status(self) -> Status:
        try:
            return Status.model_validate_json(self.status_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            if self.config_file.is_file():  # a power cut may leave an empty status.json
                return Status(state="interrupted", reason="its status was lost; resume it to go on")
            raise TrainingError(f"{self.folder}: not a run folder; give one of runs/") from error

    def write_status(self, status: Status) -> None:
        beside = self.status_file.with_suffix(f".{os.getpid()}.new")
        try:
            beside.write_text(status.model_dump_json(indent=2), encoding="utf-8")
            beside.replace(self.status_file)
        finally:
            beside.unlink(missing_ok=True)  # half of it, when the disk is full

    def update_status(self, **changes) -> None:
        """Changes some fields and beats the heart."""
        self.write_status(self._read_status().model_copy(update={"heartbeat": time.time(), **changes}))

    def append_metrics(self, row: dict) -> None:
        """A row of step, epoch, attempt, time and figures, on disk before anything else happens.

        A line that an earlier kill left torn is ended first, so that it swallows nothing."""
        append_line(self.metrics_file, {**row, "time": time.time()})

    def append_samples(self, row: dict) -> None:
        """Of a validation: step, epoch, attempt, and `samples` of audio (its path), text, heard and language."""
        append_line(self.samples_file, {**row, "time": time.time()})

    def metrics(self) -> list[dict]:
        """All rows; of steps that were repeated after a resume only the last attempt's. Torn lines are ignored."""
        if not self.metrics_file.exists():
            return []
        rows = [r for r in map(parsed_row, self.metrics_file.read_bytes().splitlines()) if r]
        first_step = {row["attempt"]: row["step"] for row in reversed(rows)}  # an attempt's rows are in order
        return [r for r in rows if all(r["step"] < s for a, s in first_step.items() if a > r["attempt"])]

    def report(self) -> dict | None:
        return json.loads(self.report_file.read_text(encoding="utf-8")) if self.report_file.exists() else None

    def request_stop(self) -> None:
        """Honoured at the next step (checkpoint, then exit), or at the next utterance of another stage."""
        self.stop_file.touch()

    def require_wanted(self) -> None:
        """Raises Stopped once somebody has asked the run to stop."""
        if self.stop_file.exists():
            raise Stopped


def append_line(file: Path, row: dict) -> None:
    with file.open("a+b") as lines:
        if lines.tell():
            lines.seek(-1, os.SEEK_END)
            if lines.read(1) != b"\n":
                lines.write(b"\n")
        lines.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def parsed_row(line: bytes) -> dict | None:
    """A row that has all it needs; None of a line that is torn."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    counted = isinstance(row, dict) and all(_is_count(row.get(name)) for name in ("step", "epoch", "attempt"))
    return row if counted and isinstance(row.get("time"), (int, float)) and math.isfinite(row["time"]) else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and abs(value) < MAX_COUNT


def is_alive(status: Status) -> bool:
    """True while the very process that the status names still runs; one that nobody waited for is dead."""
    if status.pid is None:
        return False
    try:
        process = psutil.Process(status.pid)
        is_ours = abs(process.create_time() - (status.pid_started or 0)) < 1.0
        return is_ours and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def is_forgotten(status: Status) -> bool:
    """Made, but whoever made it was gone before its process began."""
    return time.time() - status.heartbeat > UNSTARTED_S


def create_run(config: TrainingConfig, runs: Path, name: str | None = None, user: str | None = None) -> Run:
    """A new folder with config and status 'queued'."""
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}" if name is None else name
    if name in NAMES:
        raise OptionError(f"'{name}' is a model of the catalogue; give the run another name")
    if not RUN_NAME.fullmatch(name):
        raise OptionError(
            f"'{name}' cannot be a run's name; use up to 100 letters, digits, points, dashes or underscores"
        )
    run = Run(runs / name)
    try:
        run.folder.mkdir(parents=True)
    except NotADirectoryError as error:
        raise OptionError(f"{runs}: is a file, not a folder; choose another --runs") from error
    except FileExistsError as error:
        raise TrainingError(f"{run.folder}: there is a run of this name already; choose another name") from error
    save_config(config.with_whole_paths(), run.config_file)
    run.write_status(Status(user=user, heartbeat=time.time()))
    return run


def list_runs(runs: Path) -> list[Run]:
    """Newest first; folders whose status cannot be read are no runs."""
    folders = [f for f in runs.iterdir() if _is_run(f)] if runs.is_dir() else []
    return [Run(f) for f in sorted(folders, key=created, reverse=True)]


def created(folder: Path) -> float:
    """Seconds since 1970: its settings are written once; 0 where it has just gone."""
    for path in (folder / "config.yaml", folder):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _is_run(folder: Path) -> bool:
    try:
        Run(folder).status()
    except TrainingError:
        return False
    return True


def open_run(folder: Path) -> Run:
    """An existing run; TrainingError when the folder is none."""
    run = Run(folder)
    if not run.config_file.is_file():
        raise TrainingError(f"{folder}: not a run folder; give one of runs/")
    return run


def begin(run: Run) -> int:
    """Marks the run as ours and running; returns the attempt's number, from 1."""
    me = psutil.Process()
    if not is_launched(run):  # else it was removed there, and a new one is for us
        run.stop_file.unlink(missing_ok=True)
    run.rank_error_file.unlink(missing_ok=True)
    run.update_status(state="running", pid=me.pid, pid_started=me.create_time(), reason=None, queue_position=None)
    return 1 + max((row["attempt"] for row in run.metrics()), default=0)


def is_launched(run: Run) -> bool:
    """This process, or one that started it, was made for the run, and it has not begun."""
    return os.environ.get(LAUNCHED_FOR) == run.id and run.status().state == "queued"


class RunLog:
    """While open, log records go to log.txt; so does the traceback of a bug that ends the job."""

    def __init__(self, run: Run):
        self.run = run

    def __enter__(self) -> None:
        self._handler = logging.FileHandler(self.run.log_file, encoding="utf-8")
        self._handler.handleError = lambda record: None  # a full disk: the error itself still reaches the terminal
        self._handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.getLogger().addHandler(self._handler)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None and not isinstance(error, (QalError, KeyboardInterrupt)):
            logging.getLogger("qal").error("the job failed", exc_info=error)
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
