"""What a run came to in a few lines: before, after and what was won. Pure; the page, the HTML and the PNG share it."""

from dataclasses import dataclass
from typing import Any

from qal.jobs.metrics import Rows, is_figure


@dataclass(frozen=True)
class Line:
    """One measure; all words are ready to be shown."""

    measure: str
    before: str
    after: str
    change: str
    better: bool | None  # None: nothing can be said


def summary_lines(rows: Rows, report: dict[str, Any] | None) -> list[Line]:
    """Validation figures before training and at their best, then the test rows' of stock and tuned model."""
    lines = [_validation(rows, "wer", "WER"), _validation(rows, "cer", "CER"), _validation_loss(rows)]
    stock, tuned = ((report or {}).get(name) or {} for name in ("stock_30s", "tuned_adaptive"))
    lines += [_held_out(stock, tuned, "wer", "WER"), _held_out(stock, tuned, "cer", "CER"), _speed(stock, tuned)]
    return [line for line in lines if line]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _validation(rows: Rows, key: str, name: str) -> Line | None:
    start, best, epoch = _start_and_best(rows, key)
    if start is None and best is None:
        return None
    before, after = ("" if value is None else percent(value) for value in (start, best))
    return Line(f"validation {name}", before, after and f"{after} (epoch {epoch})", *_points(start, best))


def _validation_loss(rows: Rows) -> Line | None:
    start, best, epoch = _start_and_best(rows, "validation_loss")
    if start is None and best is None:
        return None
    before, after = ("" if value is None else f"{value:.3f}" for value in (start, best))
    change, better = ("", None) if start is None or best is None else (f"{best - start:+.3f}", best < start)
    return Line("validation loss", before, after and f"{after} (epoch {epoch})", change, better)


def _start_and_best(rows: Rows, key: str) -> tuple[float | None, float | None, int]:
    """Before training, the least after it, and the epoch of that."""
    scored = [row for row in rows if is_figure(row.get(key))]
    start = scored[0][key] if scored and scored[0]["step"] == 0 else None
    best = min((row for row in scored if row["step"] > 0), key=lambda row: row[key], default=None)
    return (start, best[key], best["epoch"]) if best else (start, None, 0)


def _held_out(stock: dict[str, Any], tuned: dict[str, Any], key: str, name: str) -> Line | None:
    if not is_figure(tuned.get(key)):
        return None
    before, after = stock.get(key), tuned[key]
    low, high = tuned.get(f"{key}_low"), tuned.get(f"{key}_high")
    interval = f" ({100 * low:.1f} – {100 * high:.1f})" if is_figure(low) and is_figure(high) else ""
    shown = percent(before) if is_figure(before) else ""
    return Line(f"test {name}", shown, percent(after) + interval, *_points(before, after))


def _speed(stock: dict[str, Any], tuned: dict[str, Any]) -> Line | None:
    before, after = stock.get("rtf"), tuned.get("rtf")
    if not is_figure(after):
        return None
    if not is_figure(before) or not before or not after:
        return Line("speed (RTF)", "", f"{after:.3f}", "", None)
    times = before / after
    change = f"{times:.1f} times faster" if times >= 1 else f"{1 / times:.1f} times slower"
    return Line("speed (RTF)", f"{before:.3f}", f"{after:.3f}", change, times > 1)


def _points(before: float | None, after: float | None) -> tuple[str, bool | None]:
    """Difference in points, and of what was there before; whether it is for the better."""
    if before is None or after is None:
        return "", None
    share = f" ({100 * (after - before) / before:+.0f} %)" if before else ""
    return f"{100 * (after - before):+.1f} points{share}", after < before
