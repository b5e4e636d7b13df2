"""Error rates, loss and speed before and after training, as text. Pure functions, used by the HTML and PNG reports."""

from dataclasses import dataclass
from typing import NamedTuple

from qal.evaluation.report import RunReport
from qal.jobs.index import best_validation, deciding_measure_of
from qal.jobs.metrics import MetricsRows, is_finite_number
from qal.text.error_measure import Measure, percent

LOSS_TITLE, RATE_TITLES = "Loss", {"wer": "Word error rate", "cer": "Character error rate"}
SUMMARY_TITLE = "Before and after training"


@dataclass(frozen=True)
class SummaryLine:
    """A measure before and after training, formatted as text; "" is a value that is not known."""

    measure: str
    before: str
    after: str
    change: str
    is_better: bool | None  # None: not known


class Change(NamedTuple):
    """A difference as text, and whether the later value is better; None: not known."""

    text: str
    is_better: bool | None


class StartAndBest(NamedTuple):
    """A validation metric before training, and its lowest value afterwards with the epoch of that value."""

    start: float | None
    best: float | None
    best_epoch: int


def summary_lines(rows: MetricsRows, report: RunReport | None) -> list[SummaryLine]:
    """The lines for the validation metrics and, if there is a report, for the results on the test set."""
    measures = report.measures if report else _measures(rows)
    validation = [*(_validation_rate(rows, measure.lower(), measure) for measure in measures), _validation_loss(rows)]
    lines = [line for line in validation if line]
    return lines + (_test_lines(report) if report else [])


def summary_basis(rows: MetricsRows, report: RunReport | None) -> list[str]:
    """Returns sentences that say what the lines rest on."""
    best = best_validation(rows)
    validation = [f"Validation lines: {best.basis}."] if best else []
    return validation + ([f"Test lines: {report.basis}."] if report else [])


def metric_order(rows: MetricsRows) -> list[str]:
    """Returns the names of both error rates in metrics rows, the one that decides first."""
    return [measure.lower() for measure in _measures(rows)]


def _measures(rows: MetricsRows) -> tuple[Measure, Measure]:
    return ("CER", "WER") if deciding_measure_of(rows) == "CER" else ("WER", "CER")


def _validation_rate(rows: MetricsRows, metric: str, name: str) -> SummaryLine | None:
    start, best, epoch = _start_and_best(rows, metric)
    if start is None and best is None:
        return None
    before, after = ("" if value is None else percent(value) for value in (start, best))
    change = _change_in_points(start, best)
    return SummaryLine(f"validation {name}", before, _with_epoch(after, epoch), change.text, change.is_better)


def _validation_loss(rows: MetricsRows) -> SummaryLine | None:
    start, best, epoch = _start_and_best(rows, "validation_loss")
    if start is None and best is None:
        return None
    before, after = ("" if value is None else f"{value:.3f}" for value in (start, best))
    change = Change("", None) if start is None or best is None else Change(f"{best - start:+.3f}", best < start)
    return SummaryLine("validation loss", before, _with_epoch(after, epoch), change.text, change.is_better)


def _with_epoch(value: str, epoch: int) -> str:
    return value and f"{value} (epoch {epoch})"


def _start_and_best(rows: MetricsRows, metric: str) -> StartAndBest:
    measured = [row for row in rows if is_finite_number(row.get(metric))]
    start = measured[0][metric] if measured and measured[0]["step"] == 0 else None
    best = min((row for row in measured if row["step"] > 0), key=lambda row: row[metric], default=None)
    return StartAndBest(start, best[metric], best["epoch"]) if best else StartAndBest(start, None, 0)


def _test_lines(report: RunReport) -> list[SummaryLine]:
    """The lines for error rates and speed on the test set; the error rate that decides is first, with its interval."""
    lines = []
    for measure in report.measures:
        before, after = (score.error_rate(measure) for score in (report.stock_30s, report.tuned_adaptive))
        text = after.text if measure == report.measure else percent(after.rate)
        change = _change_in_points(before.rate, after.rate)
        lines.append(SummaryLine(f"{report.split} {measure}", percent(before.rate), text, *change))
    return [*lines, _speed_line(report.stock_30s.rtf, report.tuned_adaptive.rtf)]


def _speed_line(before: float, after: float) -> SummaryLine:
    """The line for the real-time factor (RTF); without a change if it was not measured (0)."""
    if not before or not after:
        return SummaryLine("speed (RTF)", "", f"{after:.3f}", "", None)
    speedup = before / after
    change = f"{speedup:.1f} times faster" if speedup >= 1 else f"{1 / speedup:.1f} times slower"
    return SummaryLine("speed (RTF)", f"{before:.3f}", f"{after:.3f}", change, speedup > 1)


def _change_in_points(before: float | None, after: float | None) -> Change:
    """The difference of two error rates in percentage points, and relative to the first."""
    if before is None or after is None:
        return Change("", None)
    relative = f" ({100 * (after - before) / before:+.0f} %)" if before else ""
    return Change(f"{100 * (after - before):+.1f} points{relative}", after < before)
