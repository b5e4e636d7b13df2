"""Charts with a line for each of several runs. Pure functions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from qal.jobs.index import deciding_measure_of
from qal.jobs.metrics import MetricsRows
from ui_components.train.run.charts import Chart
from ui_components.train.run.figures import add_epochs, add_line, empty_chart
from ui_components.train.run.traces import column, smoothed

# A colour for each run: the colours of Okabe and Ito, which colour-blind people can distinguish, and two more.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#7b6fd0")
MAX_RUNS = len(PALETTE)
MAX_LEGEND_CHARS = 40


@dataclass(frozen=True)
class NamedMetrics:
    """The metrics of a run with the run's name."""

    name: str
    rows: MetricsRows

    @property
    def legend(self) -> str:
        """The shortened name, escaped because Plotly interprets HTML tags in names."""
        name = self.name if len(self.name) <= MAX_LEGEND_CHARS else f"{self.name[: MAX_LEGEND_CHARS - 1]}…"
        return html.escape(name, quote=False)


def comparison_charts(runs: Sequence[NamedMetrics]) -> list[Chart]:
    """Charts of the smoothed loss, the WER and the CER, the one that decides first; those without data are left out."""
    by_characters = any(deciding_measure_of(run.rows) == "CER" for run in runs)
    charts = [Chart("loss", "Loss, smoothed", loss_figure(runs))]
    for metric in ("cer", "wer") if by_characters else ("wer", "cer"):
        charts.append(Chart(metric, f"{metric.upper()} on the validation set", rate_figure(runs, metric)))
    return [chart for chart in charts if chart.figure.data]


def loss_figure(runs: Sequence[NamedMetrics]) -> go.Figure:
    figure = empty_chart("step", "loss")
    for run, colour in zip(runs, PALETTE, strict=False):
        loss = column(run.rows, "loss")
        add_line(figure, run.legend, loss.x, smoothed(loss.y), colour, 2)
    return figure


def rate_figure(runs: Sequence[NamedMetrics], metric: str) -> go.Figure:
    """An error rate of each validation, in %."""
    figure = empty_chart("epoch", "error rate")
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %")
    for run, colour in zip(runs, PALETTE, strict=False):
        rate = column(run.rows, metric, "epoch")
        add_epochs(figure, run.legend, rate.x, np.asarray(100 * rate.y), colour, hovertemplate="%{y:.1f} %")
    return figure
