"""The result of the gate: what each format of a model recognises on the same examples, and what else was checked.

It is kept as gate.json, in the model directory and, of a run, in the run's folder. Nothing here imports torch."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, computed_field

from qal.errors import EvaluationError
from qal.evaluation.breakdown import RateFigure
from qal.evaluation.check_result import CheckResult
from qal.evaluation.report import PairedDifference
from qal.storage import require_regular, storage_errors
from qal.text.error_measure import Measure

GATE_FILE = "gate.json"
MAX_GATE_BYTES = 5_000_000


class FormatFigures(BaseModel, frozen=True):
    """Error rates, size and speed of one format of a model, and what the step to it costs."""

    name: str
    wer: RateFigure
    cer: RateFigure
    bytes: int | None = Field(default=None, ge=0, description="of its weights; null: not stored")
    rtf: FiniteFloat | None = Field(default=None, ge=0, description="seconds of computation per second of audio")
    agreement: FiniteFloat | None = Field(
        default=None, ge=0, le=1, description="share of the tokens that equal those of the format before"
    )
    loss: PairedDifference | None = Field(default=None, description="rise of the deciding rate by the step to it")
    problem: str = Field(default="", description="why the step is refused; empty: it is not")


class GateReport(BaseModel, frozen=True):
    """Everything that the gate found. It passes if no step and no check failed."""

    model: str
    base: str = ""
    corpus: str = ""
    utterances: int = Field(default=0, ge=0)
    measure: Measure = "WER"
    normaliser: str = ""
    decoding: str = "greedy, one utterance at a time"
    hardware: str = ""
    weights_sha256: str = Field(default="", description="of the model.bin that was checked")
    time: FiniteFloat = Field(default=0.0, ge=0, description="seconds since 1970")
    formats: tuple[FormatFigures, ...] = ()
    checks: tuple[CheckResult, ...] = ()

    @property
    def failures(self) -> list[str]:
        """Returns a sentence for each step and each check that failed."""
        steps = [found.problem for found in self.formats if found.problem]
        return steps + [f"{check.name}: {check.detail}" for check in self.checks if check.state == "failed"]

    @computed_field
    @property
    def passed(self) -> bool:
        return not self.failures


def write_gate_report(folder: Path, report: GateReport) -> None:
    """Writes gate.json; a reader never sees an incomplete file. Raises StorageError."""
    partial = folder / f".{GATE_FILE}.partial"
    with storage_errors(f"the gate's result in {folder}"):
        try:
            partial.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
            partial.replace(folder / GATE_FILE)
        finally:
            partial.unlink(missing_ok=True)


def read_gate_report(directory: Path) -> GateReport | None:
    """Reads the gate's result of a model directory; None if it did not pass through the gate.

    Raises EvaluationError if the file is damaged."""
    path = directory / GATE_FILE
    try:
        if require_regular(path).stat().st_size > MAX_GATE_BYTES:
            raise EvaluationError(f"{path}: too large; run the gate again")
        return GateReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise EvaluationError(f"{path}: damaged; run the gate again") from error


def table_rows(report: GateReport) -> list[tuple[str, ...]]:
    """Returns the cells of the table of formats, the heading first, as the page and the command show them."""
    heading = ("format", f"{report.measure} (95 % interval)", "change", "tokens equal", "size", "RTF", "")
    return [heading, *(_cells(found, report.measure) for found in report.formats)]


def _cells(found: FormatFigures, measure: Measure) -> tuple[str, ...]:
    rate = (found.wer if measure == "WER" else found.cer).error_rate.text
    change = "" if found.loss is None else f"{100 * found.loss.difference:+.1f} points"
    agreement = "" if found.agreement is None else f"{100 * found.agreement:.1f} %"
    size = "" if found.bytes is None else f"{found.bytes / 1e6:.0f} MB"
    rtf = "" if found.rtf is None else f"{found.rtf:.3f}"
    return found.name, rate, change, agreement, size, rtf, "refused" if found.problem else ""


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Returns a table as aligned plain text."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)
