"""Small charts beside the large ones: the optimiser, and the machine that it runs on. Pure."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from qal.jobs.metrics import Rows
from ui_components.train.run.figures import AMBER, RAW, SMALL, SMALL_POINTS, TEAL, add_line, chart
from ui_components.train.run.traces import column, smoothed

MB_A_GB = 1000


def learning_rate_figure(rows: Rows) -> go.Figure | None:
    figure = _of_steps(rows, "learning_rate", smooth=False)
    return figure and figure.update_yaxes(exponentformat="power", rangemode="tozero")


def gradient_figure(rows: Rows) -> go.Figure | None:
    """The norm before clipping."""
    figure = _of_steps(rows, "grad_norm")
    return figure and figure.update_yaxes(rangemode="tozero")


def throughput_figure(rows: Rows) -> go.Figure | None:
    figure = _of_steps(rows, "utterances_per_second")
    return figure and figure.update_yaxes(rangemode="tozero")


def data_wait_figure(rows: Rows) -> go.Figure | None:
    """Share of a step in which the trainer waits for its audio, in %."""
    figure = _of_steps(rows, "data_wait_fraction", times=100)
    return figure and figure.update_yaxes(rangemode="tozero", ticksuffix=" %")


def memory_figure(rows: Rows) -> go.Figure | None:
    """Resident memory of the process and its workers, and what is reserved on the GPU, in GB."""
    figure = chart("step", "GB", SMALL)
    for name, key, colour in (("memory", "memory_mb", TEAL), ("GPU", "gpu_memory_mb", AMBER)):
        step, used = column(rows, key)
        add_line(figure, name, step, used / MB_A_GB, colour, 2, SMALL_POINTS)
    lines = list[Any](figure.data)
    figure.update_layout(showlegend=len(lines) > 1)
    return figure.update_yaxes(rangemode="tozero") if lines else None


def disk_figure(rows: Rows) -> go.Figure | None:
    """Free on the disk of the runs, in GB."""
    figure = _of_steps(rows, "disk_free_mb", smooth=False, times=1 / MB_A_GB)
    return figure and figure.update_yaxes(title="GB", rangemode="tozero")


def _of_steps(rows: Rows, key: str, smooth: bool = True, times: float = 1.0) -> go.Figure | None:
    step, y = column(rows, key)
    if not len(step):
        return None
    figure, y = chart("step", "", SMALL), np.asarray(times * y)
    if smooth:
        add_line(figure, "each step", step, y, RAW, 1, SMALL_POINTS)
        add_line(figure, "smoothed", step, smoothed(y), TEAL, 2, SMALL_POINTS)
    else:
        add_line(figure, "each step", step, y, TEAL, 2, SMALL_POINTS)
    return figure
