"""Charts of a context curve: accuracy and speed against the margin and the minimum of the context. Pure functions."""

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go

from qal.audio.samples import WINDOW_S
from qal.evaluation.context_curve.records import ContextCurve, ContextFigures
from qal.evaluation.context_curve.table import (
    STOPPED,
    VERDICTS,
    curve_basis,
    curve_cells,
    curve_columns,
    found_sentences,
)
from ui_components.evaluate.speed.charts_page import charts_page
from ui_components.train.compare.figures import PALETTE
from ui_components.train.run.charts import Chart
from ui_components.train.run.figures import AMBER, GREY, TEAL, add_level, empty_chart

VERDICT_COLOURS = {"not worse": TEAL, "undecided": AMBER, "worse": "#c2410c"}
Value = Callable[[ContextFigures], float]


def curve_charts(curve: ContextCurve) -> list[Chart]:
    """Charts for the page: the difference to 30 s, the error rate, the speed, and accuracy against speed."""
    measure = curve.measure
    return [
        Chart("context-difference", f"{measure} compared with {WINDOW_S} s windows", difference_figure(curve)),
        Chart("context-rate", f"{measure} by margin and minimum", rate_figure(curve)),
        Chart("context-speed", "Times faster than 30 s windows", speed_figure(curve)),
        Chart("context-trade", "Accuracy against speed", trade_figure(curve)),
    ]


def curve_page(curve: ContextCurve) -> str:
    """A self-contained HTML page with the charts and the table."""
    sentences = [curve_basis(curve), *found_sentences(curve)]
    cells = [curve_columns(curve), *map(curve_cells, curve.figures)]
    return charts_page(f"Context curve of {curve.model}", sentences, curve_charts(curve), cells)


def difference_figure(curve: ContextCurve) -> go.Figure:
    """The paired difference to 30 s in points with its 95 % interval, a line for each minimum."""
    title = f"{curve.measure} difference, points"
    figure = _by_margin(curve, title, lambda row: 100 * row.paired.difference, with_interval=True)
    add_level(figure, f"accepted: {100 * curve.tolerance:+g} points", 100 * curve.tolerance, "dash")
    add_level(figure, f"{WINDOW_S} s", 0.0, "dot")
    return figure


def rate_figure(curve: ContextCurve) -> go.Figure:
    """The error rate in %, a line for each minimum, with a level for 30 s."""
    figure = _by_margin(curve, curve.measure, lambda row: 100 * row.rate.rate)
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %")
    full = curve.figures[0]
    add_level(figure, f"{WINDOW_S} s: {100 * full.rate.rate:.1f} %", 100 * full.rate.rate, "dot")
    return figure


def speed_figure(curve: ContextCurve) -> go.Figure:
    """How many times faster each context is, a line for each minimum."""
    figure = _by_margin(curve, "times faster", lambda row: row.times_faster)
    figure.update_yaxes(rangemode="tozero")
    add_level(figure, f"{WINDOW_S} s: RTF {curve.figures[0].rtf:.3f}", 1.0, "dot")
    return figure


def trade_figure(curve: ContextCurve) -> go.Figure:
    """The difference to 30 s against the speed, a point for each context, coloured by its verdict."""
    figure = empty_chart("times faster", f"{curve.measure} difference, points")
    figure.update_layout(hovermode="closest")
    for name, colour in VERDICT_COLOURS.items():
        rows = [row for row in curve.figures if row.verdict == name]
        if rows:
            figure.add_scatter(
                x=[row.times_faster for row in rows],
                y=[100 * row.paired.difference for row in rows],
                text=[_hover(row) for row in rows],
                name=name,
                mode="markers",
                marker={"color": colour, "size": 9},
                hovertemplate="%{text}<extra></extra>",
            )
    add_level(figure, f"accepted: {100 * curve.tolerance:+g} points", 100 * curve.tolerance, "dash")
    if curve.found:
        found = curve.found
        figure.add_annotation(
            x=found.times_faster, y=100 * found.paired.difference, text=found.name, font={"color": GREY}, ay=-32
        )
    return figure


def _by_margin(curve: ContextCurve, title: str, value: Value, with_interval: bool = False) -> go.Figure:
    """A chart with a line for each minimum over the margins, with the interval of the difference if asked for."""
    figure = empty_chart("margin after the speech, s", title)
    figure.update_layout(hovermode="closest")
    for i, (minimum, rows) in enumerate(_by_minimum(curve).items()):
        figure.add_scatter(
            x=[row.context.margin_s for row in rows],
            y=[value(row) for row in rows],
            text=[_hover(row) for row in rows],
            name=f"at least {minimum:g} s",
            mode="lines+markers",
            line={"color": PALETTE[i % len(PALETTE)], "width": 2},
            hovertemplate="%{text}<extra></extra>",
            error_y=_interval_bars(rows) if with_interval else None,
        )
    return figure


def _interval_bars(rows: Sequence[ContextFigures]) -> dict[str, Any]:
    """The 95 % intervals of the paired differences, as Plotly's error bars in points."""
    return {
        "type": "data",
        "array": [100 * (row.paired.high - row.paired.difference) for row in rows],
        "arrayminus": [100 * (row.paired.difference - row.paired.low) for row in rows],
        "thickness": 1.2,
    }


def _by_minimum(curve: ContextCurve) -> dict[float, Sequence[ContextFigures]]:
    """The shorter contexts by their minimum, each group in the order of the margins."""
    groups: dict[float, list[ContextFigures]] = {}
    for row in sorted(curve.figures[1:], key=lambda row: (row.context.min_s, row.context.margin_s)):
        groups.setdefault(row.context.min_s, []).append(row)
    return dict(groups)


def _hover(row: ContextFigures) -> str:
    state = STOPPED if row.stopped_early else VERDICTS[row.verdict]
    paired = row.paired
    return (
        f"{row.name}: {state}<br>{row.rate.error_rate.named_text}, RTF {row.rtf:.3f}, {row.utterances} examples<br>"
        f"difference {100 * paired.difference:+.1f} points "
        f"({100 * paired.low:+.1f} to {100 * paired.high:+.1f})"
    )
