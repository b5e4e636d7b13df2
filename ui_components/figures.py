"""Charts of a run: rows of metrics.jsonl -> figures. Pure, and readable on light and dark."""

from typing import Any

import plotly.graph_objects as go

INK = "#858078"  # text and axes: enough contrast on white and on black
GRID = "rgba(133, 128, 120, 0.22)"
RAW = "rgba(133, 128, 120, 0.45)"
TEAL = "#1f9a8c"
AMBER = "#d9822b"
HEIGHT = 320  # pixels
MAX_POINTS = 1500  # more than a screen has columns
SMOOTHING = 0.8  # weight of the past in the running mean


def loss_figure(rows: list[dict[str, Any]]) -> go.Figure:
    """Training loss per step, raw and smoothed, and the validation loss of each epoch."""
    steps = [row for row in rows if row.get("loss") is not None]
    smooth = smoothed([row["loss"] for row in steps])
    shown = thinned(len(steps))
    x = [steps[i]["step"] for i in shown]
    curves = (("each step", [row["loss"] for row in steps], RAW, 1), ("smoothed", smooth, TEAL, 2.5))
    figure = _figure("step", "loss")
    for name, losses, colour, width in curves:
        line = {"color": colour, "width": width}
        figure.add_scatter(x=x, y=[losses[i] for i in shown], name=name, mode="lines", line=line)
    epochs = [row for row in rows if row.get("validation_loss") is not None]
    if epochs:
        y = [row["validation_loss"] for row in epochs]
        figure.add_scatter(x=[row["step"] for row in epochs], y=y, name="validation", mode="lines+markers")
        marker, line = {"color": AMBER, "size": 9, "symbol": "diamond"}, {"width": 1.5, "dash": "dot"}
        figure.data[-1].update(marker=marker, line=line, cliponaxis=False)
    return figure


def error_rate_figure(rows: list[dict[str, Any]]) -> go.Figure:
    """Validation WER and CER per epoch in %; the starting weights' WER as a dashed line."""
    epochs = [row for row in rows if row.get("wer") is not None]
    figure = _figure("epoch", "error rate")
    figure.update_xaxes(dtick=1 if len(epochs) <= 12 else None)
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %")
    for key, name, colour in (("wer", "WER", TEAL), ("cer", "CER", AMBER)):
        having = [row for row in epochs if row.get(key) is not None]
        x, y = [row["epoch"] for row in having], [100 * row[key] for row in having]
        figure.add_scatter(x=x, y=y, name=name, mode="lines+markers", cliponaxis=False)
        figure.data[-1].update(line={"color": colour, "width": 2.5}, marker={"size": 8})
        figure.data[-1].hovertemplate = f"{name} %{{y:.1f}} %<extra>epoch %{{x}}</extra>"
    start = epochs[0] if epochs and epochs[0]["step"] == 0 else None
    if start:
        text = f"before training: {100 * start['wer']:.1f} %"
        dashed = {"color": INK, "width": 1.5, "dash": "dash"}
        figure.add_hline(y=100 * start["wer"], line=dashed, annotation={"text": text, "font": {"color": INK}})
    return figure


def smoothed(values: list[float], weight: float = SMOOTHING) -> list[float]:
    """Exponential running mean without the bias towards zero at its beginning (Kingma and Ba 2015, §3)."""
    mean, out = 0.0, []
    for n, value in enumerate(values, 1):
        mean = weight * mean + (1 - weight) * value
        out.append(mean / (1 - weight**n))
    return out


def thinned(n: int, limit: int = MAX_POINTS) -> list[int]:
    """At most `limit` of the indices 0..n-1, evenly spread, the newest always among them."""
    stride = -(-n // limit) if n else 1
    return list(range(n - 1, -1, -stride))[::-1]


def _figure(x_title: str, y_title: str) -> go.Figure:
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True}
    return go.Figure(
        layout={
            "template": "none",
            "height": HEIGHT,
            "margin": {"l": 56, "r": 20, "t": 64, "b": 44},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hovermode": "x",
            "xaxis": {**axis, "title": {"text": x_title, "font": {"size": 13}}, "rangemode": "tozero"},
            "yaxis": {**axis, "title": {"text": y_title, "font": {"size": 13}}},
            "uirevision": "keep",  # a zoom stays when rows are added
        }
    )
