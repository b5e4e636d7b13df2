"""All runs of a folder, as the pages show them; a file is read again only if it has changed."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from qal.errors import QalError
from qal.evaluation.report import RunReport
from qal.jobs.metrics import NO_FILE, FileStamp, MetricsCache, MetricsRows, is_finite_number, train_seconds
from qal.jobs.notes import Notes, read_notes
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, created_at
from qal.jobs.status import ENDED, Status
from qal.text.error_measure import ErrorRate, Measure, score_basis
from qal.text.normalisation.registry import OLDEST

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A run with the content of its files."""

    run: Run
    status: Status
    config: TrainingConfig | None  # None: config.yaml cannot be read
    report: RunReport | None  # None: there is no report, or it is broken
    notes: Notes
    created: float  # seconds since 1970

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def name(self) -> str:
        """The title that a user gave to the run, or its id."""
        return self.notes.title or self.id

    @property
    def ended(self) -> bool:
        return self.status.state in ENDED


@dataclass(frozen=True)
class BestValidation:
    """The validation with the lowest rate in the measure that decides; the rates are shares."""

    wer: float
    cer: float | None
    epoch: int
    measure: Measure = "WER"
    utterances: int | None = None  # None in runs of earlier versions
    normaliser: str = OLDEST.id
    examples: str | None = None  # a key of the examples and their references; None in runs of earlier versions

    @property
    def basis(self) -> str:
        """The split, the number of examples and the normaliser of the rates."""
        return score_basis("validation", self.utterances, None, self.normaliser)

    @property
    def error_rate(self) -> ErrorRate:
        """The error rate that decides, without an interval."""
        if self.measure == "CER" and self.cer is not None:
            return ErrorRate("CER", self.cer)
        return ErrorRate("WER", self.wer)


@dataclass(frozen=True)
class Progress:
    """Summary of a run's metrics."""

    best: BestValidation | None
    train_s: float  # without pauses


class RunIndex:
    """Cached entries of runs, shared by all pages of a server. Safe for threads."""

    def __init__(self):
        self.metrics = MetricsCache()
        self._cache: dict[Path, tuple[FileStamp, Any]] = {}
        self._lock = threading.Lock()

    def entries(self, runs: Path) -> list[Entry]:
        """Returns the runs of a folder, the newest first; folders without a readable status are left out."""
        with self._lock:
            folders = [f for f in runs.iterdir() if f.is_dir() and not f.name.startswith(".")] if runs.is_dir() else []
            existing = set(folders)
            entries = [entry for folder in folders if (entry := self._entry(Run(folder)))]
            self._cache = {file: value for file, value in self._cache.items() if file.parent in existing}
        return sorted(entries, key=lambda entry: (entry.created, entry.id), reverse=True)

    def progress(self, run: Run) -> Progress:
        """Returns the summary of a run's metrics."""
        with self._lock:
            return self._cached(run.metrics_file, lambda: summarise(self.metrics.read(run.metrics_file).rows))

    def _entry(self, run: Run) -> Entry | None:
        try:
            cached = self._cached(run.status_file, run.status)
            # a process may end without changing status.json, so only a final state may come from the cache
            status = cached if cached.state in ENDED and run.status_file.exists() else run.status()
        except (QalError, OSError):  # not a run, or not readable by this account
            return None
        return Entry(
            run=run,
            status=status,
            config=self._cached(run.config_file, lambda: _none_if_broken(lambda: load_config(run.config_file))),
            report=self._cached(run.report_file, lambda: _none_if_broken(run.report)),
            notes=self._cached(run.notes_file, lambda: read_notes(run)),
            created=created_at(run.folder),
        )

    def _cached(self, file: Path, read: Callable[[], T]) -> T:
        stamp = file_stamp(file)
        cached = self._cache.get(file)
        if cached and cached[0] == stamp:
            return cached[1]
        value = read()
        self._cache[file] = stamp, value
        return value


def summarise(rows: MetricsRows) -> Progress:
    """Computes the summary of metrics rows."""
    return Progress(best_validation(rows), train_seconds(rows))


def best_validation(rows: MetricsRows) -> BestValidation | None:
    """Returns the validation with the lowest error rate; that of the base model before training is left out."""
    measure = deciding_measure_of(rows)
    scored = [row for row in rows if is_finite_number(row.get(measure.lower())) and row["step"] > 0]
    lowest = min(scored, key=lambda row: row[measure.lower()], default=None)
    return _validation(lowest, measure) if lowest else None


def _validation(row: dict[str, Any], measure: Measure) -> BestValidation:
    return BestValidation(
        wer=row["wer"],
        cer=row.get("cer"),
        epoch=row["epoch"],
        measure=measure,
        utterances=row.get("utterances"),
        normaliser=str(row.get("normaliser", OLDEST.id)),
        examples=row.get("examples"),
    )


def deciding_measure_of(rows: MetricsRows) -> Measure:
    """Returns the error rate that decides in a run; the WER in runs of earlier versions, which do not name it."""
    return "CER" if any(row.get("measure") == "CER" for row in rows) else "WER"


def file_stamp(file: Path) -> FileStamp:
    """Returns a stamp that changes with the file's content; NO_FILE if there is no file."""
    try:
        stat = file.stat()
    except OSError:
        return NO_FILE
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _none_if_broken(read: Callable[[], T]) -> T | None:
    """Returns None if a file cannot be read or parsed, so that the pages can show the other files."""
    try:
        return read()
    except (QalError, OSError, ValueError, RecursionError):
        return None
