"""Evaluations by their settings: what was transcribed before is used again, and what was stopped is continued.

The identifier of an evaluation holds a hash of all that its transcripts depend on: the weights and how they decode, the
version of the dataset, and the selection of examples."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from qal.cores import usable_cores
from qal.corpus.manifest import Corpus, read_corpus
from qal.corpus.split import Split
from qal.errors import EvaluationError
from qal.evaluation.evaluate import ProgressCallback, evaluate, never_stop, no_progress, select_rows
from qal.evaluation.hardware import cpu_name
from qal.evaluation.records import EVALUATION_FILE, Evaluation, ScoredRow, read_evaluation, read_rows
from qal.evaluation.systems.any_model import System, SystemOptions, find_system
from qal.text.normalisation.registry import SCORING

EVALUATIONS = Path("evaluations")  # the folder of evaluations, by default
HASH_DIGITS = 8
MAX_SLUG = 40  # characters of each name in an identifier
OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Request:
    """A request for an evaluation: a system on a selection of a dataset."""

    model: str
    corpus: Path
    split: Split = "test"
    language: str | None = None
    max_rows: int | None = None
    options: SystemOptions = field(default_factory=SystemOptions)
    normaliser: str = SCORING.id
    user: str = ""  # to whom a new evaluation belongs
    step: int | None = None  # of a checkpoint of a run


@dataclass(frozen=True)
class StoredEvaluation:
    """An evaluation with its folder and its rows."""

    folder: Path
    evaluation: Evaluation
    rows: tuple[ScoredRow, ...]
    was_stored: bool = False  # nothing had to be transcribed
    note: str = ""  # what did not match in a file of transcripts

    @property
    def date(self) -> str:
        """The day on which it began, in UTC."""
        return datetime.fromtimestamp(self.evaluation.started, UTC).strftime("%Y-%m-%d")


def read_stored(folder: Path) -> StoredEvaluation:
    """Reads an evaluation. Raises EvaluationError."""
    return StoredEvaluation(folder, read_evaluation(folder), tuple(read_rows(folder)))


def slug(name: str) -> str:
    """Returns the last part of a name or path with letters, digits, dots and hyphens only."""
    last = name.split("#")[-1].rstrip("/").split("/")[-1]
    return OTHER_CHARACTERS.sub("-", last)[-MAX_SLUG:].strip("-.") or "model"


def evaluation_id(request: Request, system: System, corpus: Corpus) -> str:
    """Returns the identifier of the evaluation, such as "base-mine-test-1a2b3c4d"."""
    settings = (system.identity, corpus.info.version, request.split, request.language, request.max_rows)
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:HASH_DIGITS]
    return f"{slug(system.name)}-{slug(corpus.info.name)}-{request.split}-{digest}"


def latest_folder(store: Path, identifier: str) -> Path:
    """Returns the folder of an identifier, or its newest repetition (-2, -3 …)."""
    folder, number = store / identifier, 2
    while (store / f"{identifier}-{number}" / EVALUATION_FILE).is_file():
        folder = store / f"{identifier}-{number}"
        number += 1
    return folder


def next_folder(store: Path, identifier: str) -> Path:
    """Returns a folder that does not exist for another repetition."""
    folder, number = store / identifier, 2
    while folder.exists():
        folder = store / f"{identifier}-{number}"
        number += 1
    return folder


def obtain(
    request: Request,
    store: Path = EVALUATIONS,
    runs: Path = Path("runs"),
    again: bool = False,
    progress: ProgressCallback = no_progress,
    should_stop: Callable[[], bool] = never_stop,
    system: System | None = None,
) -> StoredEvaluation:
    """Returns an evaluation: the stored one if it is finished, else a new or continued one.

    Args:
        request: the system, the dataset and the selection.
        store: folder of the evaluations.
        runs: folder of the runs.
        again: transcribe all examples again, also those of a finished evaluation.
        progress: called after each example.
        should_stop: asked before each example.
        system: the system of the request; None: the one that its name means.

    Raises:
        QalError: the system or the dataset cannot be used, or no example could be scored. What was transcribed is
            kept and continued by the same call."""
    corpus = read_corpus(request.corpus)
    selection = select_rows(corpus, request.split, request.max_rows)
    system = system or find_system(request.model, request.options, runs)
    identifier = evaluation_id(request, system, corpus)
    folder = next_folder(store, identifier) if again else latest_folder(store, identifier)
    earlier = _read_earlier(folder)
    if earlier and earlier.evaluation.state == "finished" and earlier.rows:
        return earlier
    transcriber = system.open(corpus.rows)
    settings = _settings(folder.name, request, corpus, earlier)
    evaluation = evaluate(folder, settings, corpus, selection, transcriber, progress, should_stop)
    rows = tuple(read_rows(folder))
    if not rows and evaluation.state == "finished":
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in evaluation.left_out.items())
        raise EvaluationError(f"no example of {request.corpus} could be scored: {reasons}; check the dataset")
    return StoredEvaluation(folder, evaluation, rows, note=getattr(transcriber, "note", ""))


def _settings(identifier: str, request: Request, corpus: Corpus, earlier: StoredEvaluation | None) -> Evaluation:
    """Returns the settings of a new evaluation, or of one that is continued: its start and its user stay."""
    evaluation = Evaluation(
        id=identifier,
        model=request.model,
        corpus=corpus.info.name,
        corpus_path=str(request.corpus.resolve()),
        corpus_version=corpus.info.version,
        split=request.split,
        language=request.language,
        hardware={"cpu": cpu_name(), "cores": usable_cores()},
        normaliser=request.normaliser,
        user=request.user,
        step=request.step,
    )
    if earlier is None:
        return evaluation
    return evaluation.model_copy(update=earlier.evaluation.model_dump(include={"started", "user"}))


def _read_earlier(folder: Path) -> StoredEvaluation | None:
    """Returns the evaluation in a folder; None if there is none."""
    if not (folder / EVALUATION_FILE).is_file():
        return None
    found = read_stored(folder)
    return StoredEvaluation(folder, found.evaluation, found.rows, was_stored=True)
