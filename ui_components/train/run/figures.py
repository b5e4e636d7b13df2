"""Charts of a run from its metrics, readable on light and dark. Pure functions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from qal.evaluation.report import BEFORE_TRAINING, ORIGINAL_ON_TEST_SET, RunReport
from qal.jobs.index import deciding_measure_of
from qal.jobs.metrics import MetricsRows
from ui_components.train.run.traces import MAX_POINTS, column, rounded, smoothed, thinned

GREY = "#858078"  # text and axes; enough contrast on white and on black
GRID = "rgba(133, 128, 120, 0.22)"
TRANSLUCENT = "rgba(133, 128, 120, 0.45)"  # values that are not smoothed
TEAL = "#1f9a8c"
AMBER = "#d9822b"
RATE_COLOURS = {"wer": TEAL, "cer": AMBER}
LARGE_HEIGHT_PX, SMALL_HEIGHT_PX = 300, 170
SMALL_MAX_POINTS = 400
MAX_LARGE_MARKERS = 50  # with more epochs, large markers would overlap
MAX_EPOCH_TICKS = 12


class Chart(NamedTuple):
    """A chart with its data."""

    name: str
    title: str
    figure: go.Figure


class ReferenceLevel(NamedTuple):
    """An error rate before training or of another model, for a horizontal line."""

    name: str
    share: float
    dash: str  # Plotly's name of the line style


def loss_figure(rows: MetricsRows) -> go.Figure | None:
    """The training loss of each step, raw and smoothed, and the validation loss of each epoch."""
    training, validation = column(rows, "loss"), column(rows, "validation_loss")
    if not len(training.x) and not len(validation.x):
        return None
    figure = empty_chart("step", "loss")
    add_line(figure, "each step", training.x, training.y, TRANSLUCENT, 1)
    add_line(figure, "smoothed", training.x, smoothed(training.y), TEAL, 2.5)
    style = {"line": {"dash": "dot", "width": 1.5}, "symbol": "diamond"}
    add_epochs(figure, "validation", validation.x, validation.y, AMBER, **style)
    return figure


def rate_figure(
    rows: MetricsRows, report: RunReport | None = None, metrics: Sequence[str] = ("wer", "cer")
) -> go.Figure | None:
    """The error rates of each validation in %, with horizontal lines for the levels of the first metric."""
    rates = {metric: column(rows, metric, "epoch") for metric in metrics}
    first = rates[metrics[0]]
    if not len(first.x):
        return None
    figure = empty_chart("epoch", "error rate")
    figure.update_xaxes(dtick=1 if first.x.max() <= MAX_EPOCH_TICKS else None)
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %")
    for metric, rate in rates.items():
        percents = np.asarray(100 * rate.y)
        add_epochs(figure, metric.upper(), rate.x, percents, RATE_COLOURS[metric], hovertemplate="%{y:.1f} %")
    for level in reference_levels(rows, report, metrics[0]):
        add_level(figure, f"{level.name}: {100 * level.share:.1f} %", round(100 * level.share, 2), level.dash)
    return figure


def rates_figure(rows: MetricsRows, report: RunReport | None = None) -> go.Figure | None:
    """Both error rates; the levels are those of the one that decides."""
    decides_by_characters = deciding_measure_of(rows) == "CER"
    return rate_figure(rows, report, ("cer", "wer") if decides_by_characters else ("wer", "cer"))


def reference_levels(rows: MetricsRows, report: RunReport | None, metric: str) -> list[ReferenceLevel]:
    """The error rates of the base model before training, and of the original model on the test set, if measured."""
    before_training = next((row[metric] for row in rows if row["step"] == 0 and metric in row), None)
    original = getattr(report.stock_30s, metric) if report else None
    levels = []
    if before_training is not None:
        levels.append(ReferenceLevel(BEFORE_TRAINING, before_training, "dash"))
    if original is not None:
        levels.append(ReferenceLevel(ORIGINAL_ON_TEST_SET, original, "dot"))
    return levels


def add_line(
    figure: go.Figure,
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    colour: str,
    width: float,
    limit: int = MAX_POINTS,
    **options: Any,
) -> None:
    """Adds a line of many points, thinned; without points, nothing.

    Args:
        figure: the chart.
        name: the name in the legend.
        x: steps, shape (n,).
        y: values, shape (n,).
        colour: a CSS colour.
        width: line width, in pixels.
        limit: maximum number of points.
        options: further options of Plotly's scatter trace.
    """
    if not len(x):
        return
    kept = thinned(y, limit)
    line = {"color": colour, "width": width}
    figure.add_scatter(x=rounded(x[kept]), y=rounded(y[kept]), name=name, mode="lines", line=line, **options)


def add_epochs(figure: go.Figure, name: str, x: np.ndarray, y: np.ndarray, colour: str, **options: Any) -> None:
    """Adds a line with a marker for each epoch; without points, nothing.

    Args:
        figure: the chart.
        name: the name in the legend.
        x: steps or epochs, shape (n,).
        y: values, shape (n,).
        colour: a CSS colour.
        options: `line` and `symbol` change the style; others are options of Plotly's scatter trace.
    """
    if not len(x):
        return
    kept = thinned(y)
    line = {"color": colour, "width": 2.5, **options.pop("line", {})}
    size = 8 if len(kept) <= MAX_LARGE_MARKERS else 4
    marker = {"color": colour, "size": size, "symbol": options.pop("symbol", "circle")}
    points = {"x": rounded(x[kept]), "y": rounded(y[kept])}
    figure.add_scatter(**points, name=name, mode="lines+markers", line=line, marker=marker, cliponaxis=False, **options)


def add_level(figure: go.Figure, name: str, y: float, dash: str) -> None:
    """Adds a horizontal line, named in the legend."""
    line = {"color": GREY, "width": 1.5, "dash": dash}
    figure.add_shape(type="line", xref="x domain", x0=0, x1=1, y0=y, y1=y, line=line, name=name, showlegend=True)


def empty_chart(x_title: str, y_title: str, height_px: int = LARGE_HEIGHT_PX) -> go.Figure:
    """A chart without data, in the common layout."""
    is_small = height_px < LARGE_HEIGHT_PX
    layout = base_layout(height_px, {"l": 44, "r": 12, "t": 8 if is_small else 12, "b": 30 if is_small else 40})
    layout["font"]["size"] = 12 if is_small else 13
    return go.Figure(
        layout={
            **layout,
            "showlegend": not is_small,
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"},
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": "#ffffff", "font": {"color": "#1c1b19"}},
            "xaxis": {**axis_layout(), "title": _axis_title(x_title), "rangemode": "tozero"},
            "yaxis": {**axis_layout(), "title": _axis_title(y_title)},
        }
    )


def base_layout(height_px: int, margin_px: dict[str, int]) -> dict[str, Any]:
    """The layout options that all charts share."""
    return {
        "template": "none",
        "height": height_px,
        "margin": margin_px,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY, "size": 12, "family": "system-ui, sans-serif"},
    }


def axis_layout() -> dict[str, Any]:
    return {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True}


def _axis_title(text: str) -> dict[str, Any]:
    return {"text": text, "standoff": 6, "font": {"size": 13}}
