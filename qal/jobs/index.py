"""All runs of a folder, as pages show them: each file is read again only where it has changed. No torch here."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from qal.errors import QalError
from qal.jobs.metrics import NOTHING, Followers, Rows, Stamp, is_figure, train_seconds
from qal.jobs.notes import Notes, notes_file, read_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import ENDED, Run, Status, created

T = TypeVar("T")


class _Figures(BaseModel, strict=True):
    wer: float
    wer_low: float
    wer_high: float
    cer: float
    rtf: float


class _Paired(BaseModel, strict=True):
    difference: float
    low: float
    high: float
    p: float


class _Retention(BaseModel, strict=True):
    failures: list[str] = []


class _Report(BaseModel, strict=True):
    """What pages read of a report.json, and so must find as it should be."""

    base_model: str = "stock"
    stock_30s: _Figures | None = None
    tuned_30s: _Figures | None = None
    tuned_adaptive: _Figures | None = None
    paired: _Paired | None = None
    retention: _Retention | None = None


@dataclass(frozen=True)
class Entry:
    """A run, as its files are now."""

    run: Run
    status: Status
    config: TrainingConfig | None  # None where its config.yaml cannot be read
    report: dict[str, Any] | None  # None where there is none, or one that is broken
    notes: Notes
    created: float  # seconds since 1970

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def name(self) -> str:
        """What people call it."""
        return self.notes.title or self.id

    @property
    def ended(self) -> bool:
        return self.status.state in ENDED


@dataclass(frozen=True)
class Best:
    """The validation that made the fewest word errors; shares."""

    wer: float
    cer: float | None
    epoch: int


@dataclass(frozen=True)
class Progress:
    """What the rows of a run add up to."""

    best: Best | None
    train_s: float  # pauses left out


class Shelf:
    """Shared by all pages of a server."""

    def __init__(self):
        self.metrics = Followers()
        self._read: dict[Path, tuple[Stamp, Any]] = {}  # file -> its stamp and what was in it
        self._lock = threading.Lock()

    def entries(self, runs: Path) -> list[Entry]:
        """Newest first."""
        with self._lock:
            folders = [f for f in runs.iterdir() if f.is_dir() and not f.name.startswith(".")] if runs.is_dir() else []
            known = set(folders)
            found = [entry for folder in folders if (entry := self._entry(Run(folder)))]
            self._read = {file: value for file, value in self._read.items() if file.parent in known}
        return sorted(found, key=lambda entry: (entry.created, entry.id), reverse=True)

    def progress(self, run: Run) -> Progress:
        with self._lock:
            return self._cached(run.metrics_file, lambda: progress_of(self.metrics.read(run.metrics_file)[1]))

    def _entry(self, run: Run) -> Entry | None:
        try:
            written = self._cached(run.status_file, run.status)
            status = written if written.state in ENDED and run.status_file.exists() else run.status()
        except QalError:
            return None  # no run
        return Entry(
            run=run,
            status=status,
            config=self._cached(run.config_file, lambda: _or_none(lambda: load_config(run.config_file))),
            report=self._cached(run.report_file, lambda: _or_none(lambda: _checked(run.report()))),
            notes=self._cached(notes_file(run), lambda: read_notes(run)),
            created=created(run.folder),
        )

    def _cached(self, file: Path, read: Callable[[], T]) -> T:
        stamp = stamp_of(file)
        before = self._read.get(file)
        if before and before[0] == stamp:
            return before[1]
        value = read()
        self._read[file] = stamp, value
        return value


def progress_of(rows: Rows) -> Progress:
    scored = [row for row in rows if is_figure(row.get("wer")) and row["step"] > 0]
    least = min(scored, key=lambda row: row["wer"], default=None)
    best = Best(least["wer"], least.get("cer"), least["epoch"]) if least else None
    return Progress(best, train_seconds(rows))


def stamp_of(file: Path) -> Stamp:
    """Another stamp, other content; NOTHING where there is no file."""
    try:
        about = file.stat()
    except OSError:
        return NOTHING
    return about.st_ino, about.st_size, about.st_mtime_ns


def _checked(report: dict[str, Any] | None) -> dict[str, Any] | None:
    if report is not None:
        _Report.model_validate(report)
    return report


def _or_none(read: Callable[[], T]) -> T | None:
    """What a broken file says is nothing: the page shows the rest."""
    try:
        return read()
    except (QalError, OSError, ValueError, RecursionError):  # ValueError: no JSON, no text, another shape
        return None
