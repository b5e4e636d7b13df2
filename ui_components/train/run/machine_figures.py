"""Small charts of the optimiser and of the machine. Pure functions."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from qal.jobs.metrics import MetricsRows
from ui_components.train.run.figures import (
    AMBER,
    SMALL_HEIGHT_PX,
    SMALL_MAX_POINTS,
    TEAL,
    TRANSLUCENT,
    add_line,
    empty_chart,
)
from ui_components.train.run.traces import column, smoothed

MB_PER_GB = 1000


def learning_rate_figure(rows: MetricsRows) -> go.Figure | None:
    figure = _step_figure(rows, "learning_rate", smooth=False)
    return figure and figure.update_yaxes(exponentformat="power", rangemode="tozero")


def gradient_figure(rows: MetricsRows) -> go.Figure | None:
    """The gradient norm before clipping."""
    figure = _step_figure(rows, "grad_norm")
    return figure and figure.update_yaxes(rangemode="tozero")


def throughput_figure(rows: MetricsRows) -> go.Figure | None:
    figure = _step_figure(rows, "utterances_per_second")
    return figure and figure.update_yaxes(rangemode="tozero")


def data_wait_figure(rows: MetricsRows) -> go.Figure | None:
    """The share of a step in which the trainer waits for audio, in %."""
    figure = _step_figure(rows, "data_wait_fraction", factor=100)
    return figure and figure.update_yaxes(rangemode="tozero", ticksuffix=" %")


def memory_figure(rows: MetricsRows) -> go.Figure | None:
    """Resident memory of the process and its workers, and reserved GPU memory, in GB."""
    figure = empty_chart("step", "GB", SMALL_HEIGHT_PX)
    for name, metric, colour in (("memory", "memory_mb", TEAL), ("GPU", "gpu_memory_mb", AMBER)):
        step, used_mb = column(rows, metric)
        add_line(figure, name, step, used_mb / MB_PER_GB, colour, 2, SMALL_MAX_POINTS)
    traces = list[Any](figure.data)
    figure.update_layout(showlegend=len(traces) > 1)
    return figure.update_yaxes(rangemode="tozero") if traces else None


def disk_figure(rows: MetricsRows) -> go.Figure | None:
    """Free space on the disk of the runs folder, in GB."""
    figure = _step_figure(rows, "disk_free_mb", smooth=False, factor=1 / MB_PER_GB)
    return figure and figure.update_yaxes(title="GB", rangemode="tozero")


def _step_figure(rows: MetricsRows, metric: str, smooth: bool = True, factor: float = 1.0) -> go.Figure | None:
    """A chart of a metric by step, multiplied by a factor; None if no row has the metric."""
    step, values = column(rows, metric)
    if not len(step):
        return None
    figure = empty_chart("step", "", SMALL_HEIGHT_PX)
    y = np.asarray(factor * values)
    if smooth:
        add_line(figure, "each step", step, y, TRANSLUCENT, 1, SMALL_MAX_POINTS)
        add_line(figure, "smoothed", step, smoothed(y), TEAL, 2, SMALL_MAX_POINTS)
    else:
        add_line(figure, "each step", step, y, TEAL, 2, SMALL_MAX_POINTS)
    return figure
