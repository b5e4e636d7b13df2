"""Charts of the errors of an evaluation, readable on light and dark. Pure functions; all texts are escaped."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qal.evaluation.breakdown import Group
from qal.evaluation.errors.confusions import Confusion
from qal.evaluation.errors.ignoring import Ignored
from qal.evaluation.errors.phonemes import ConfusionMatrix
from qal.evaluation.errors.positions import PositionErrors
from qal.evaluation.errors.words import WordScore
from ui_components.train.run.figures import AMBER, GREY, LARGE_HEIGHT_PX, TEAL, TRANSLUCENT, axis_layout, empty_chart

RED = "#c8502d"
KIND_COLOURS = {"substitutions": TEAL, "deletions": AMBER, "insertions": RED}
SHARES = [[0.0, "rgba(31, 154, 140, 0.0)"], [1.0, "rgba(31, 154, 140, 1.0)"]]  # from the background to TEAL
NOTHING = "∅"  # for a missing side
SPACE = "␣"
SHOWN = 20  # bars
BAR_PX, AROUND_PX = 18, 56  # height of a bar, and of the axis with its title
MAX_LABEL = 26  # characters
FEW_COUNTS = 5  # up to which every whole number has its tick
RATE_BINS = 21  # of the histogram: 0, then steps of 5 %


def group_figure(groups: Sequence[Group], shown: int = SHOWN) -> go.Figure:
    """The deciding error rate of each group with words and its 95 % interval; of many groups, the first ones."""
    some = with_words(groups)[:shown]
    rates = [group.figures.deciding for group in some]
    measure = rates[0].measure if rates else "WER"
    above, below = ([100 * (r.high - r.rate) for r in rates], [100 * (r.rate - r.low) for r in rates])
    hover = [
        [html.escape(g.name), g.figures.utterances, f"{r.error_rate.text}"] for g, r in zip(some, rates, strict=True)
    ]
    figure = _bars(
        [group.name for group in some],
        [100 * rate.rate for rate in rates],
        f"{measure} in %",
        TEAL,
        hover,
        "%{customdata[0]}: %{customdata[2]}, %{customdata[1]} utterances<extra></extra>",
    )
    error = {"type": "data", "symmetric": False, "array": above, "arrayminus": below, "color": GREY, "thickness": 1.2}
    figure.update_traces(error_x=error)
    return figure


def with_words(groups: Sequence[Group]) -> list[Group]:
    """Returns the groups with words in their references; the others have no error rate."""
    return [group for group in groups if group.figures.words]


def confusion_figure(found: Sequence[Confusion], shown: int = SHOWN) -> go.Figure:
    """The pairs confused most, as bars."""
    some = found[:shown]
    hover = [[html.escape(pair_text(c)), len(c.rows)] for c in some]
    template = "%{customdata[0]}: %{x} times in %{customdata[1]} utterances<extra></extra>"
    return _count_bars([pair_text(c) for c in some], [c.count for c in some], TEAL, hover, template)


def never_right_figure(scores: Sequence[WordScore], shown: int = SHOWN) -> go.Figure:
    """The words that were never recognised, as bars."""
    some = scores[:shown]
    hover = [[html.escape(s.word), html.escape(s.instead[0][0] or NOTHING)] for s in some]
    template = "%{customdata[0]}: %{x} times, most often written %{customdata[1]}<extra></extra>"
    return _count_bars([s.word for s in some], [s.count for s in some], AMBER, hover, template)


def position_figure(parts: Sequence[PositionErrors]) -> go.Figure:
    """Substitutions, deletions and insertions per word in each part of the utterances, one above the other."""
    figure = empty_chart("position in the utterance", "errors per word in %")
    for kind, colour in KIND_COLOURS.items():
        figure.add_bar(
            x=[part.name for part in parts],
            y=[round(100 * getattr(part, kind) / max(1, part.words), 2) for part in parts],
            name=kind,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate="%{y:.1f} %",
        )
    figure.update_layout(barmode="stack", bargap=0.15)
    figure.update_xaxes(rangemode="normal")
    return figure


def ignored_figure(found: Sequence[Ignored]) -> go.Figure:
    """The error rate of each difference with it and where it is ignored."""
    figure = empty_chart("", f"{found[0].measure if found else 'WER'} in %")
    names = [ignored.name for ignored in found]
    for name, values, colour in (
        ("all errors", [ignored.rate for ignored in found], TRANSLUCENT),
        ("difference ignored", [ignored.rate_ignoring for ignored in found], TEAL),
    ):
        shares = [round(100 * value, 2) for value in values]
        figure.add_bar(x=names, y=shares, name=name, marker={"color": colour}, hovertemplate="%{y:.1f} %")
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(rangemode="normal")
    return figure


def matrix_figure(matrix: ConfusionMatrix) -> go.Figure:
    """How often each phoneme of the references was written as each other one, as a share; the diagonal is left out."""
    counts = matrix.counts.astype(float)
    shares = 100 * counts / np.maximum(1, counts.sum(1, keepdims=True))
    shown = np.where(np.eye(*counts.shape, dtype=bool), np.nan, shares)
    references, hypotheses = ([name or NOTHING for name in side] for side in (matrix.references, matrix.hypotheses))
    figure = empty_chart("written", "said", LARGE_HEIGHT_PX + 120)
    figure.add_heatmap(
        z=np.round(shown, 2),
        x=list(range(len(hypotheses))),
        y=list(range(len(references))),
        customdata=[
            [[html.escape(said), html.escape(written), int(counts[i, j])] for j, written in enumerate(hypotheses)]
            for i, said in enumerate(references)
        ],
        colorscale=SHARES,
        hovertemplate="said %{customdata[0]}, written %{customdata[1]}: %{customdata[2]} times (%{z} %)<extra></extra>",
        colorbar={"title": {"text": "%"}, "thickness": 12, "outlinewidth": 0},
        hoverongaps=False,
        xgap=1,
        ygap=1,
    )
    figure.update_layout(hovermode="closest", showlegend=False)
    figure.update_xaxes(**_ticks(hypotheses), showgrid=False)
    figure.update_yaxes(**_ticks(references), showgrid=False, autorange="reversed")
    return figure


def rate_histogram(rates: np.ndarray, measure: str) -> go.Figure:
    """How many utterances have which error rate. `rates` are shares, (n,); those above 1 are in the last bar."""
    figure = empty_chart(f"{measure} of the utterance in %", "utterances")
    bins = np.where(rates <= 0, 0, np.clip(np.ceil(rates * (RATE_BINS - 1)), 1, RATE_BINS)).astype(int)
    counts = np.bincount(bins, minlength=RATE_BINS + 1)
    step = 100 / (RATE_BINS - 1)
    names = ["0", *(f"{step * (i - 1):g}–{step * i:g}" for i in range(1, RATE_BINS)), "> 100"]
    marker = {"color": TEAL, "line": {"width": 0}}
    figure.add_bar(x=names, y=counts.tolist(), marker=marker, hovertemplate="%{x} %: %{y}<extra></extra>")
    figure.update_layout(hovermode="closest", bargap=0.1, showlegend=False)
    figure.update_xaxes(type="category", rangemode="normal")
    return figure


def pair_text(confusion: Confusion) -> str:
    """The pair as text, such as "ship → sheep"; ∅ is nothing, ␣ a space."""
    return f"{side_text(confusion.reference)} → {side_text(confusion.hypothesis)}"


def side_text(text: str) -> str:
    if not text:
        return NOTHING
    return SPACE if text.isspace() else text


def _count_bars(
    names: Sequence[str], counts: Sequence[int], colour: str, hover: Sequence[Sequence[object]], template: str
) -> go.Figure:
    """Bars of counts, as `_bars`; the axis has whole numbers only."""
    figure = _bars(names, counts, "times", colour, hover, template)
    if max(counts, default=0) <= FEW_COUNTS:
        figure.update_xaxes(dtick=1)
    return figure


def _bars(
    names: Sequence[str],
    values: Sequence[float],
    unit: str,
    colour: str,
    hover: Sequence[Sequence[object]],
    template: str,
) -> go.Figure:
    """Horizontal bars, the first one on top.

    Args:
        names: plain texts.
        values: the lengths.
        unit: title of the axis.
        colour: a CSS colour.
        hover: data of each bar for `template`, escaped.
        template: Plotly's template of the text at the pointer."""
    figure = empty_chart(unit, "", AROUND_PX + BAR_PX * max(3, len(names)))
    figure.add_bar(
        x=[round(value, 2) for value in values],
        y=list(range(len(names))),
        orientation="h",
        customdata=[list(data) for data in hover],
        hovertemplate=template,
        marker={"color": colour, "line": {"width": 0}},
    )
    figure.update_layout(hovermode="closest", bargap=0.25, showlegend=False)
    figure.update_yaxes(**_ticks(names), showgrid=False, autorange="reversed")
    return figure


def _ticks(names: Sequence[str]) -> dict[str, Any]:
    """The options of an axis with a name at each integer."""
    labels = [html.escape(name if len(name) <= MAX_LABEL else f"{name[: MAX_LABEL - 1]}…") for name in names]
    return {**axis_layout(), "tickvals": list(range(len(names))), "ticktext": labels, "rangemode": "normal"}
