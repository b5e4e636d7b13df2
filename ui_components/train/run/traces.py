"""Numbers -> what a chart is sent: few points that hide nothing, and no digit that nobody sees. Pure."""

from collections.abc import Sequence

import numpy as np

from qal.jobs.metrics import Rows, is_figure

MAX_POINTS = 1000  # of a trace: about what a screen has columns
SPAN_SHARE, MIN_SPAN, MAX_SPAN = 1 / 50, 5, 200  # steps that the running mean looks back
DIGITS = 4  # significant ones


def column(rows: Rows, figure: str, x: str = "step") -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of the rows that have the figure."""
    found = [row for row in rows if figure in row]
    try:
        y = np.array([row[figure] for row in found], dtype=float)
    except (TypeError, ValueError, OverflowError):  # something among them is no number
        y = np.array([row[figure] if is_figure(row[figure]) else np.nan for row in found], dtype=float)
    drawn = np.isfinite(y)
    return np.array([row[x] for row in found], dtype=int)[drawn], y[drawn]


def thinned(y: np.ndarray, limit: int = MAX_POINTS) -> np.ndarray:
    """At most `limit` indices in order: the first, the newest, and of each stretch the lowest and the highest.

    Stretches begin at the first point, so that they stay as they are while points are added."""
    n = len(y)
    if n <= limit:
        return np.arange(n)
    length = -(-n // ((limit - 2) // 2))
    stretches = np.pad(y, (0, -n % length), mode="edge").reshape(-1, length)
    begins = np.arange(len(stretches)) * length
    lowest, highest = begins + stretches.argmin(axis=1), begins + stretches.argmax(axis=1)
    return np.unique(np.concatenate(([0, n - 1], np.minimum(lowest, n - 1), np.minimum(highest, n - 1))))


def smoothed(values: Sequence[float] | np.ndarray, span: float | None = None) -> np.ndarray:
    """Exponential running mean without the bias towards zero at its beginning (Kingma and Ba 2015, §3)."""
    span = min(MAX_SPAN, max(MIN_SPAN, len(values) * SPAN_SHARE)) if span is None else span
    weight = 1 - 1 / span  # of the past
    mean, left, out = 0.0, 1.0, []
    for value in np.asarray(values, dtype=float).tolist():
        mean = weight * mean + (1 - weight) * value
        left *= weight
        out.append(mean / (1 - left))
    return np.array(out)


def sent(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """To so many significant digits. As objects: Plotly would look at each number of a list, and would send an array of
    floats as bytes, with all their digits."""
    whole = values.dtype.kind == "i"
    return np.array([v if whole else float(f"{v:.{digits}g}") for v in values.tolist()], dtype=object)
