"""The files of an evaluation: each example with its reference and transcript, from which every figure is computed.

    evaluations/ID/evaluation.json    the settings, what was left out, and the state
    evaluations/ID/rows.jsonl         one line an example, appended as it is transcribed

Error rates are not stored: they are counted again from the texts, so that another normaliser needs no new
transcription, and every figure can be traced to its rows."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, Field, ValidationError

from qal.corpus.split import Split
from qal.errors import EvaluationError
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.storage import require_regular, storage_errors
from qal.text.normalisation.registry import SCORING, Normaliser

EVALUATION_FILE = "evaluation.json"
ROWS_FILE = "rows.jsonl"
LOCK_FILE = ".lock"
LAST_TIME_S = 253_370_764_800  # the year 9999, the last one that a date can have
State = Literal["running", "finished", "stopped", "failed"]


class ScoredRow(BaseModel, frozen=True, extra="forbid"):
    """One example: what is known of it, and what the model wrote."""

    audio: str = Field(description="path relative to the corpus folder; of a file of hypotheses its name for the row")
    reference: str
    hypothesis: str
    language: str = ""
    speaker: str = ""
    duration_s: float = Field(ge=0, allow_inf_nan=False)
    snr_db: float | None = Field(default=None, allow_inf_nan=False, description="null: not measured")
    source: str = ""
    seconds: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="of computation; null: not measured here"
    )


class Evaluation(BaseModel, frozen=True):
    """The settings of an evaluation and how far it is."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,119}$")
    model: str = Field(description="as it was asked for: a name, a run, a directory, an address or a file")
    corpus: str = Field(description="name of the corpus")
    corpus_path: str = ""
    corpus_version: str = ""
    split: Split = "test"
    language: str | None = None
    decoding: dict[str, str | int | float | bool | None] = Field(
        default_factory=dict, description="all that changes the texts: context, precision, beam, …"
    )
    hardware: dict[str, str | int | float | None] = Field(default_factory=dict)
    normaliser: str = Field(default=SCORING.id, description="identifier of the normaliser of the first figures")
    left_out: dict[str, int] = Field(default_factory=dict, description="numbers of examples by reason")
    total: int = Field(default=0, ge=0, description="examples to score")
    state: State = "running"
    problem: str = Field(default="", description="why it failed, in a sentence")
    started: float = Field(default_factory=time.time, ge=0, le=LAST_TIME_S, description="seconds since 1970")
    ended: float | None = Field(default=None, ge=0, le=LAST_TIME_S)
    step: int | None = Field(default=None, ge=0, description="optimizer steps of a checkpoint of a run")
    user: str = Field(default="", description="who started it in the page of a server with logins")


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Writes evaluation.json. Raises StorageError."""
    with storage_errors(f"the evaluation {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        partial = folder / f".{EVALUATION_FILE}.partial"
        partial.write_text(evaluation.model_dump_json(indent=2), encoding="utf-8")
        partial.replace(folder / EVALUATION_FILE)


def read_evaluation(folder: Path) -> Evaluation:
    """Reads evaluation.json. Raises EvaluationError if it is missing or damaged."""
    path = folder / EVALUATION_FILE
    try:
        return Evaluation.model_validate_json(require_regular(path).read_bytes())
    except (OSError, ValidationError) as error:
        raise EvaluationError(f"{path}: missing or damaged; delete its folder and evaluate again") from error


@contextmanager
def evaluation_lock(folder: Path) -> Iterator[None]:
    """Keeps other processes from writing the evaluation; makes its folder.

    Raises EvaluationError if another process writes it, and StorageError."""
    with storage_errors(f"the evaluation {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOCK_FILE).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise EvaluationError(f"{folder}: another process is evaluating; wait until it has ended") from error
            yield


@contextmanager
def rows_writer(folder: Path) -> Iterator["RowsWriter"]:
    """Opens rows.jsonl for appending; a line that was torn by a crash is removed first.

    Raises StorageError, also while rows are written."""
    path = folder / ROWS_FILE
    with storage_errors(f"the evaluation {folder}"), path.open("ab") as file:
        content = path.read_bytes()
        file.truncate(content.rfind(b"\n") + 1)
        yield RowsWriter(file)


class RowsWriter:
    """Appends rows to an evaluation; each is on disk when `append` returns."""

    def __init__(self, file: IO[bytes]):
        self._file = file

    def append(self, row: ScoredRow) -> None:
        self._file.write(row.model_dump_json().encode() + b"\n")
        self._file.flush()


def read_rows(folder: Path) -> list[ScoredRow]:
    """Reads rows.jsonl; a last line without its end, which a crash has torn, is left out.

    Raises EvaluationError if another line is damaged, and StorageError."""
    path = folder / ROWS_FILE
    try:
        with storage_errors(f"the evaluation {folder}"):
            lines = require_regular(path).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows += [ScoredRow.model_validate_json(line)] if line.strip() else []
        except ValidationError as error:
            raise EvaluationError(f"{path}: line {number} is damaged; delete the folder and evaluate again") from error
    return rows


def count_rows(rows: list[ScoredRow], normaliser: Normaliser = SCORING) -> ErrorCounts:
    """Counts the errors of rows with a normaliser."""
    return count_errors(
        [row.reference for row in rows],
        [row.hypothesis for row in rows],
        [row.language or None for row in rows],
        normaliser,
    )
