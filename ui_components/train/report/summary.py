"""What a run came to in a few lines: before, after and what was won. Pure; the page, the HTML and the PNG share it."""

from dataclasses import dataclass

from qal.evaluation.report import RunReport, Score, percent, percent_interval
from qal.jobs.metrics import MetricsRows, is_finite_number

LOSS_TITLE, WER_TITLE, CER_TITLE = "Loss", "Word error rate", "Character error rate"  # of the charts
SUMMARY_TITLE = "Before and after training"


@dataclass(frozen=True)
class Line:
    """One measure; all words are ready to be shown."""

    measure: str
    before: str
    after: str
    change: str
    better: bool | None  # None: nothing can be said


def summary_lines(rows: MetricsRows, report: RunReport | None) -> list[Line]:
    """Validation figures before training and at their best, then the test rows' of stock and tuned model."""
    lines = [_validation(rows, "wer", "WER"), _validation(rows, "cer", "CER"), _validation_loss(rows)]
    if report:
        lines += _test_lines(report.stock_30s, report.tuned_adaptive)
    return [line for line in lines if line]


def _validation(rows: MetricsRows, key: str, name: str) -> Line | None:
    start, best, epoch = _start_and_best(rows, key)
    if start is None and best is None:
        return None
    before, after = ("" if value is None else percent(value) for value in (start, best))
    return Line(f"validation {name}", before, after and f"{after} (epoch {epoch})", *_points(start, best))


def _validation_loss(rows: MetricsRows) -> Line | None:
    start, best, epoch = _start_and_best(rows, "validation_loss")
    if start is None and best is None:
        return None
    before, after = ("" if value is None else f"{value:.3f}" for value in (start, best))
    change, better = ("", None) if start is None or best is None else (f"{best - start:+.3f}", best < start)
    return Line("validation loss", before, after and f"{after} (epoch {epoch})", change, better)


def _start_and_best(rows: MetricsRows, key: str) -> tuple[float | None, float | None, int]:
    """Before training, the least after it, and the epoch of that."""
    scored = [row for row in rows if is_finite_number(row.get(key))]
    start = scored[0][key] if scored and scored[0]["step"] == 0 else None
    best = min((row for row in scored if row["step"] > 0), key=lambda row: row[key], default=None)
    return (start, best[key], best["epoch"]) if best else (start, None, 0)


def _test_lines(original: Score, tuned: Score) -> list[Line]:
    """Error rates and speed on the test set, before and after."""
    wer = f"{percent(tuned.wer)} ({percent_interval(tuned.wer_low, tuned.wer_high)})"
    return [
        Line("test WER", percent(original.wer), wer, *_points(original.wer, tuned.wer)),
        Line("test CER", percent(original.cer), percent(tuned.cer), *_points(original.cer, tuned.cer)),
        _speed(original.rtf, tuned.rtf),
    ]


def _speed(before: float, after: float) -> Line:
    """Real-time factor before and after; without a change where it was not measured (0)."""
    if not before or not after:
        return Line("speed (RTF)", "", f"{after:.3f}", "", None)
    speedup = before / after
    change = f"{speedup:.1f} times faster" if speedup >= 1 else f"{1 / speedup:.1f} times slower"
    return Line("speed (RTF)", f"{before:.3f}", f"{after:.3f}", change, speedup > 1)


def _points(before: float | None, after: float | None) -> tuple[str, bool | None]:
    """Difference in points, and of what was there before; whether it is for the better."""
    if before is None or after is None:
        return "", None
    share = f" ({100 * (after - before) / before:+.0f} %)" if before else ""
    return f"{100 * (after - before):+.1f} points{share}", after < before
