"""The folder of a run: its files, written by the training job and read by the pages.

runs/<id>/config.yaml · status.json · stop · metrics.jsonl · samples.jsonl · skipped.jsonl · environment.jsonl ·
log.txt · rank-error.txt · learning_rate.json · checkpoints/ · conversion_check.json · gate.json · model/ ·
transformers/ · report.json · suite.json · tensorboard/, mlruns/ and other trackers ·
notes.json (title, tags and notes of users)"""

import errno
import json
import math
import os
import re
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import ValidationError

from qal.engine.catalogue import RESERVED_NAMES
from qal.errors import OptionError, TrainingError
from qal.evaluation.report import RunReport, read_report
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import save_config
from qal.jobs.status import ENDED, NO_PROGRESS, RESUME_HINT, Status, is_alive, start_timed_out
from qal.json_text import json_text

RUN_NAME = re.compile(r"[\w][\w.-]{0,99}")
MAX_COUNT = 2**53  # of steps, epochs and attempts; every JSON reader represents smaller integers exactly
LAUNCHED_RUN_VARIABLE = "QAL_RUN"  # environment variable with the id of the run that a process was launched for
TRAINED_WEIGHTS_FILE = "trained.safetensors"  # below checkpoints/adapter/, if the run trained without an adapter
TENSORBOARD_FOLDER = "tensorboard"
RESERVE_BYTES = 64 * 1024  # on a full disk they are freed for the final status
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Stopped(Exception):
    """A stop of the run was requested."""


class Run:
    """A run's folder, which is a subfolder of runs/."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config_file = folder / "config.yaml"
        self.status_file = folder / "status.json"
        self.metrics_file = folder / "metrics.jsonl"
        self.samples_file = folder / "samples.jsonl"  # sample predictions of each validation
        self.stop_file = folder / "stop"
        self.reserve_file = folder / "reserve"  # exists while a job runs; see RESERVE_BYTES
        self.log_file = folder / "log.txt"
        self.skipped_file = folder / "skipped.jsonl"
        self.environment_file = folder / "environment.jsonl"
        self.rank_error_file = folder / "rank-error.txt"  # why a process other than rank 0 ended
        self.learning_rate_file = folder / "learning_rate.json"
        self.conversion_check_file = folder / "conversion_check.json"
        self.gate_file = folder / "gate.json"
        self.report_file = folder / "report.json"
        self.suite_file = folder / "suite.json"  # results of the regression suite, if result.suite names one
        self.notes_file = folder / "notes.json"
        self.checkpoints = folder / "checkpoints"
        self.adapter = self.checkpoints / "adapter"
        self.merged_model = folder / "merged"  # deleted or renamed at the end of the export
        self.partial_model = folder / "model.new"  # renamed to model/ after the conversion check
        self.model = folder / "model"
        self.transformers = folder / "transformers"  # the same weights in float32, if result.transformers keeps them
        self.tensorboard = folder / TENSORBOARD_FOLDER
        self._status_lock = threading.Lock()  # between the threads of one job, which share this object

    @property
    def id(self) -> str:
        return self.folder.name

    def status(self) -> Status:
        """Returns the status; it is "interrupted" if the process ended without writing a final state.

        Raises TrainingError if the folder is not a run."""
        status = self._read_status()
        if status.state in ENDED or is_alive(status) or (status.pid is None and not start_timed_out(status)):
            return status
        reason = f"The process ended without an error message (it was killed, or the machine restarted). {RESUME_HINT}"
        return status.model_copy(update={"state": "interrupted", "reason": reason})

    def _read_status(self) -> Status:
        try:
            return Status.model_validate_json(self.status_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            if self.config_file.is_file():  # a power failure may leave an empty status.json
                return Status(state="interrupted", reason=f"status.json was lost. {RESUME_HINT}")
            raise TrainingError(f"{self.folder}: not a run folder; give a folder below runs/") from error

    def write_status(self, status: Status) -> None:
        """Replaces status.json atomically. On a full disk a final status uses the space of the reserve file."""
        try:
            self._replace_status(status)
        except OSError as error:
            if status.state not in ENDED or error.errno not in FULL_DISK:
                raise
            self.reserve_file.unlink(missing_ok=True)
            self._replace_status(status)
        if status.state in ENDED:
            self.reserve_file.unlink(missing_ok=True)

    def _replace_status(self, status: Status) -> None:
        partial = self.status_file.with_suffix(f".{os.getpid()}-{threading.get_ident()}.new")
        try:
            partial.write_text(status.model_dump_json(indent=2), encoding="utf-8")
            partial.replace(self.status_file)
        finally:
            partial.unlink(missing_ok=True)  # remains if the disk is full

    def update_status(self, **changes) -> None:
        """Updates the given fields and the heartbeat time."""
        with self._status_lock:
            self.write_status(self._read_status().model_copy(update={"heartbeat": time.time(), **changes}))

    def append_metrics(self, *rows: dict) -> None:
        """Appends rows of step, epoch, attempt and metrics to metrics.jsonl, with the time where they have none.

        A torn last line is ended first, so that only that line is lost."""
        append_rows(self.metrics_file, [{**row, "time": row.get("time", time.time())} for row in rows])

    def append_samples(self, row: dict) -> None:
        """Appends the sample predictions of a validation to samples.jsonl, with the time.

        Args:
            row: step, epoch, attempt and `samples`, a list of dicts (see sample_predictions.py).
        """
        append_rows(self.samples_file, [{**row, "time": time.time()}])

    def metrics(self) -> list[dict]:
        """Returns all metrics rows, without torn lines and without steps that a later attempt repeated."""
        if not self.metrics_file.exists():
            return []
        rows = [r for r in map(parse_row, self.metrics_file.read_bytes().splitlines()) if r]
        first_step = {row["attempt"]: row["step"] for row in reversed(rows)}  # rows of an attempt are in order
        return [r for r in rows if all(r["step"] < s for a, s in first_step.items() if a > r["attempt"])]

    def report(self) -> RunReport | None:
        """Returns the report, or None while there is none. Raises TrainingError for a broken file."""
        return read_report(self.report_file)

    def request_stop(self) -> None:
        """Asks the job to stop: at the next step (checkpoint, then exit), or at the next example of other stages."""
        self.stop_file.touch()

    def raise_if_stop_requested(self) -> None:
        """Raises Stopped if a stop of the run was requested."""
        if self.stop_file.exists():
            raise Stopped


def append_rows(file: Path, rows: Sequence[dict]) -> None:
    """Appends lines of JSON, after ending a torn last line."""
    with file.open("a+b") as lines:
        if lines.tell():
            lines.seek(-1, os.SEEK_END)
            if lines.read(1) != b"\n":
                lines.write(b"\n")
        lines.write(b"".join(json_text(row, ensure_ascii=False).encode() + b"\n" for row in rows))


def parse_row(line: bytes) -> dict | None:
    """Returns a row with valid step, epoch, attempt and time; None for a torn or foreign line."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    counted = isinstance(row, dict) and all(_is_count(row.get(name)) for name in ("step", "epoch", "attempt"))
    return row if counted and isinstance(row.get("time"), (int, float)) and math.isfinite(row["time"]) else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and abs(value) < MAX_COUNT


def create_run(config: TrainingConfig, runs: Path, name: str | None = None, user: str | None = None) -> Run:
    """Creates a run's folder with config.yaml and the status "queued".

    Args:
        config: the settings of the run.
        runs: the folder of all runs.
        name: name of the new folder; None: date, time and a random suffix.
        user: the user who starts the run.

    Raises:
        OptionError: the name is invalid or a catalogue model's, or `runs` is a file.
        TrainingError: a run of this name exists.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}" if name is None else name
    if name in RESERVED_NAMES:
        raise OptionError(f"'{name}' is a model of the catalogue, or serving; choose another name for the run")
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
        raise TrainingError(f"{run.folder}: a run of this name exists; choose another name") from error
    save_config(config.with_absolute_paths(), run.config_file)
    run.write_status(Status(user=user, heartbeat=time.time()))
    return run


def list_runs(runs: Path) -> list[Run]:
    """Returns the runs of a folder, the newest first; folders without a readable status are left out."""
    folders = [f for f in runs.iterdir() if _is_run(f)] if runs.is_dir() else []
    return [Run(f) for f in sorted(folders, key=created_at, reverse=True)]


def created_at(folder: Path) -> float:
    """Returns when a run was created, in seconds since 1970; 0 if its folder is missing."""
    for path in (folder / "config.yaml", folder):  # config.yaml is written only once
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
    """Returns the existing run in a folder. Raises TrainingError if the folder is not a run."""
    run = Run(folder)
    if not run.config_file.is_file():
        raise TrainingError(f"{folder}: not a run folder; give a folder below runs/")
    return run


def begin_attempt(run: Run) -> int:
    """Records this process as the run's process and returns the number of the attempt, from 1."""
    process = psutil.Process()
    if not is_launched(run):  # `launch` has deleted an old stop file; a stop file of now is a request to this process
        run.stop_file.unlink(missing_ok=True)
    run.rank_error_file.unlink(missing_ok=True)
    run.reserve_file.write_bytes(os.urandom(RESERVE_BYTES))  # random: some disks compress, and zeros take no space
    started = {"state": "running", "pid": process.pid, "pid_started": process.create_time()}
    run.update_status(**started, **NO_PROGRESS, stage="prepare", reason=None, queue_position=None)
    return 1 + max((row["attempt"] for row in run.metrics()), default=0)


def is_launched(run: Run) -> bool:
    """True if this process was launched for the run (directly or by a launcher) and the run is still queued."""
    return os.environ.get(LAUNCHED_RUN_VARIABLE) == run.id and run.status().state == "queued"
