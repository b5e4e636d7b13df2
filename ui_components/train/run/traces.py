"""Numbers of a chart: metrics as arrays, thinned, smoothed and rounded for the browser. Pure functions."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from qal.jobs.metrics import MetricsRows, is_finite_number

MAX_POINTS = 1000  # per trace; about the number of pixel columns of a screen
SPAN_SHARE = 1 / 50  # span of the running mean, as a share of all steps
MIN_SPAN_STEPS, MAX_SPAN_STEPS = 5, 200
SIGNIFICANT_DIGITS = 4


class Column(NamedTuple):
    """A metric over steps or epochs: two arrays of the same length."""

    x: np.ndarray
    y: np.ndarray


def column(rows: MetricsRows, metric: str, x: str = "step") -> Column:
    """The finite values of a metric and their `x` (step or epoch); rows without the metric are left out."""
    with_metric = [row for row in rows if metric in row]
    try:
        values = np.array([row[metric] for row in with_metric], dtype=float)
    except (TypeError, ValueError, OverflowError):  # a value is not a number
        numbers = [row[metric] if is_finite_number(row[metric]) else np.nan for row in with_metric]
        values = np.array(numbers, dtype=float)
    finite = np.isfinite(values)
    return Column(np.array([row[x] for row in with_metric], dtype=int)[finite], values[finite])


def thinned(y: np.ndarray, limit: int = MAX_POINTS) -> np.ndarray:
    """The sorted indices of at most `limit` points: the first, the last, and the extremes of each block.

    Blocks begin at the first point, so that they keep their points while values are appended."""
    n = len(y)
    if n <= limit:
        return np.arange(n)
    block_length = -(-n // ((limit - 2) // 2))
    blocks = np.pad(y, (0, -n % block_length), mode="edge").reshape(-1, block_length)
    starts = np.arange(len(blocks)) * block_length
    lowest, highest = starts + blocks.argmin(axis=1), starts + blocks.argmax(axis=1)
    return np.unique(np.concatenate(([0, n - 1], np.minimum(lowest, n - 1), np.minimum(highest, n - 1))))


def smoothed(values: Sequence[float] | np.ndarray, span: float | None = None) -> np.ndarray:
    """Exponential running mean with bias correction (Kingma and Ba 2015, §3).

    Args:
        values: the values, shape (n,).
        span: number of values that the mean looks back; None: chosen by the number of values.

    Returns:
        The means, shape (n,)."""
    if span is None:
        span = min(MAX_SPAN_STEPS, max(MIN_SPAN_STEPS, len(values) * SPAN_SHARE))
    decay = 1 - 1 / span
    mean, bias, means = 0.0, 1.0, []
    for value in np.asarray(values, dtype=float).tolist():
        mean = decay * mean + (1 - decay) * value
        bias *= decay
        means.append(mean / (1 - bias))
    return np.array(means)


def rounded(values: np.ndarray, digits: int = SIGNIFICANT_DIGITS) -> np.ndarray:
    """Rounds to significant digits. The result is an array of objects: Plotly sends it as short decimal numbers,
    but an array of floats as bytes with all digits."""
    is_integer = values.dtype.kind == "i"
    return np.array([v if is_integer else float(f"{v:.{digits}g}") for v in values.tolist()], dtype=object)
