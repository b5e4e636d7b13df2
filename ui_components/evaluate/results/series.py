"""The checkpoints of one run over its steps: their error rates on the same examples, as a chart."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from qal.evaluation.breakdown import Figures
from qal.evaluation.records import Evaluation
from qal.jobs.kept_checkpoints import SEPARATOR
from ui_components.app.studio import Studio
from ui_components.evaluate.results.stored import figures_of, list_evaluations
from ui_components.train.run.figures import GREY, TEAL, Chart, empty_chart

MIN_POINTS = 2
CHART_NAME, CHART_TITLE = "checkpoints", "Checkpoints of this run"


class SeriesPoint(NamedTuple):
    """The figures of one checkpoint."""

    name: str
    step: int
    figures: Figures


def series_charts(studio: Studio, evaluation: Evaluation, normaliser: str) -> list[Chart]:
    """Returns the chart of the run that an evaluated checkpoint belongs to; [] for another model or a single point."""
    points = series_points(studio, evaluation, normaliser)
    return [Chart(CHART_NAME, CHART_TITLE, series_figure(points))] if len(points) >= MIN_POINTS else []


def series_points(studio: Studio, evaluation: Evaluation, normaliser: str) -> list[SeriesPoint]:
    """Returns the newest figures of each checkpoint of the same run on the same examples, by step.

    Args:
        studio: the studio.
        evaluation: that of a checkpoint.
        normaliser: identifier of the normaliser."""
    run = run_of(evaluation)
    found: dict[str, SeriesPoint] = {}
    for item in list_evaluations(studio.evaluations) if run else ():
        other = item.evaluation
        if run_of(other) != run or other.step is None or _selection(other) != _selection(evaluation):
            continue
        name, figures = other.model.rpartition(SEPARATOR)[2], figures_of(item.folder, normaliser)
        if figures and name not in found:  # the newest one stands first
            found[name] = SeriesPoint(name, other.step, figures)
    return sorted(found.values(), key=lambda point: point.step)


def run_of(evaluation: Evaluation) -> str:
    """Returns the id of the run whose checkpoint was evaluated; "" for another model."""
    return evaluation.model.rpartition(SEPARATOR)[0] if evaluation.step is not None else ""


def _selection(evaluation: Evaluation) -> tuple:
    """Returns what the examples depend on."""
    e = evaluation
    return (e.corpus, e.corpus_version, e.split, e.total, e.language)


def series_figure(points: Sequence[SeriesPoint]) -> go.Figure:
    """The deciding error rate with its 95 % interval over the steps."""
    rates = [point.figures.deciding for point in points]
    figure = empty_chart("Step", f"{rates[0].measure} in %")
    figure.add_scatter(
        x=[point.step for point in points],
        y=[100 * rate.rate for rate in rates],
        mode="lines+markers",
        line={"color": TEAL},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [100 * (rate.high - rate.rate) for rate in rates],
            "arrayminus": [100 * (rate.rate - rate.low) for rate in rates],
            "color": GREY,
            "thickness": 1.2,
        },
        customdata=[[html.escape(point.name), point.figures.deciding.error_rate.text] for point in points],
        hovertemplate="%{customdata[0]}, step %{x}: %{customdata[1]}<extra></extra>",
        showlegend=False,
    )
    return figure
