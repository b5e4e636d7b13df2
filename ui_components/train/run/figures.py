"""Charts of a run: rows of metrics.jsonl -> figures. Pure, and readable on light and dark."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qal.evaluation.report import BEFORE_TRAINING, ORIGINAL_ON_TEST_SET, RunReport
from qal.jobs.metrics import MetricsRows
from ui_components.train.run.traces import MAX_POINTS, column, sent, smoothed, thinned

INK = "#858078"  # text and axes: enough contrast on white and on black
GRID = "rgba(133, 128, 120, 0.22)"
RAW = "rgba(133, 128, 120, 0.45)"
TEAL = "#1f9a8c"
AMBER = "#d9822b"
COLOURS = {"wer": TEAL, "cer": AMBER}
LARGE, SMALL = 300, 170  # pixels of height
SMALL_POINTS = 400
MANY_EPOCHS = 50  # from here on markers would run into one another


def loss_figure(rows: MetricsRows) -> go.Figure | None:
    """Training loss per step, raw and smoothed, and the validation loss of each epoch."""
    step, loss = column(rows, "loss")
    at, validation = column(rows, "validation_loss")
    if not len(step) and not len(at):
        return None
    figure = chart("step", "loss")
    add_line(figure, "each step", step, loss, RAW, 1)
    add_line(figure, "smoothed", step, smoothed(loss), TEAL, 2.5)
    add_epochs(figure, "validation", at, validation, AMBER, line={"dash": "dot", "width": 1.5}, symbol="diamond")
    return figure


def rate_figure(
    rows: MetricsRows, report: RunReport | None = None, keys: Sequence[str] = ("wer", "cer")
) -> go.Figure | None:
    """WER and CER of each epoch's generated text in %. Lines across: the first one's of the weights that it began from,
    and of the stock model on the test rows."""
    having = [(key, *column(rows, key, "epoch")) for key in keys]
    if not len(having[0][1]):
        return None
    figure = chart("epoch", "error rate")
    figure.update_xaxes(dtick=1 if having[0][1].max() <= 12 else None)
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %")
    for key, epoch, share in having:
        add_epochs(figure, key.upper(), epoch, 100 * share, COLOURS[key], hovertemplate="%{y:.1f} %")
    start = next((row[keys[0]] for row in rows if row["step"] == 0 and keys[0] in row), None)
    original = getattr(report.stock_30s, keys[0]) if report else None
    for name, share, dash in ((BEFORE_TRAINING, start, "dash"), (ORIGINAL_ON_TEST_SET, original, "dot")):
        if share is not None:
            add_level(figure, f"{name}: {100 * share:.1f} %", round(100 * share, 2), dash)
    return figure


def add_line(
    figure: go.Figure,
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    colour: str,
    width: float,
    limit: int = MAX_POINTS,
    **more: Any,
) -> None:
    """A line of many points, thinned."""
    if not len(x):
        return
    shown = thinned(y, limit)
    line = {"color": colour, "width": width}
    figure.add_scatter(x=sent(x[shown]), y=sent(y[shown]), name=name, mode="lines", line=line, **more)


def add_epochs(figure: go.Figure, name: str, x: np.ndarray, y: np.ndarray, colour: str, **more: Any) -> None:
    """A marked point an epoch."""
    if not len(x):
        return
    shown = thinned(y)
    line = {"color": colour, "width": 2.5, **more.pop("line", {})}
    marker = {"color": colour, "size": 8 if len(shown) <= MANY_EPOCHS else 4, "symbol": more.pop("symbol", "circle")}
    points = {"x": sent(x[shown]), "y": sent(y[shown])}
    figure.add_scatter(**points, name=name, mode="lines+markers", line=line, marker=marker, cliponaxis=False, **more)


def add_level(figure: go.Figure, name: str, y: float, dash: str) -> None:
    """A line across, named in the legend, where nothing can cover the name."""
    line = {"color": INK, "width": 1.5, "dash": dash}
    figure.add_shape(type="line", xref="x domain", x0=0, x1=1, y0=y, y1=y, line=line, name=name, showlegend=True)


def chart(x_title: str, y_title: str, height: int = LARGE) -> go.Figure:
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True}
    small = height < LARGE
    return go.Figure(
        layout={
            "template": "none",
            "height": height,
            "margin": {"l": 44, "r": 12, "t": 8 if small else 12, "b": 30 if small else 40},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": INK, "size": 12 if small else 13, "family": "system-ui, sans-serif"},
            "showlegend": not small,
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "itemsizing": "constant"},
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": "#ffffff", "font": {"color": "#1c1b19"}},
            "xaxis": {**axis, "title": {"text": x_title, "standoff": 6, "font": {"size": 13}}, "rangemode": "tozero"},
            "yaxis": {**axis, "title": {"text": y_title, "standoff": 6, "font": {"size": 13}}},
        }
    )
