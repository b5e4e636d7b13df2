"""Several runs in one chart. Pure."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from qal.jobs.metrics import MetricsRows
from ui_components.train.run.charts import Chart
from ui_components.train.run.figures import add_epochs, add_line, chart
from ui_components.train.run.traces import column, smoothed

# Okabe and Ito's colours, which the colour-blind tell apart, without black, and dashes for a second round.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#7b6fd0")
MAX_RUNS = len(PALETTE)


MAX_NAME = 40  # letters in a legend


@dataclass(frozen=True)
class Compared:
    name: str
    rows: MetricsRows

    @property
    def legend(self) -> str:
        """Plotly reads markup in names."""
        return html.escape(self.name if len(self.name) <= MAX_NAME else f"{self.name[: MAX_NAME - 1]}…", quote=False)


def compared_charts(runs: Sequence[Compared]) -> list[Chart]:
    """Smoothed loss, WER and CER, a colour a run; those that nobody has are left out."""
    makers = (("loss", "Loss, smoothed", loss_figure), ("wer", "WER", _rates("wer")), ("cer", "CER", _rates("cer")))
    drawn = [Chart(name, title, make(runs)) for name, title, make in makers]
    return [one for one in drawn if one.figure.data]


def loss_figure(runs: Sequence[Compared]) -> go.Figure:
    figure = chart("step", "loss")
    for run, colour in zip(runs, PALETTE, strict=False):
        step, loss = column(run.rows, "loss")
        add_line(figure, run.legend, step, smoothed(loss), colour, 2)
    return figure


def _rates(key: str):
    def make(runs: Sequence[Compared]) -> go.Figure:
        figure = chart("epoch", "error rate")
        figure.update_yaxes(rangemode="tozero", ticksuffix=" %")
        for run, colour in zip(runs, PALETTE, strict=False):
            epoch, share = column(run.rows, key, "epoch")
            add_epochs(figure, run.legend, epoch, np.asarray(100 * share), colour, hovertemplate="%{y:.1f} %")
        return figure

    return make
