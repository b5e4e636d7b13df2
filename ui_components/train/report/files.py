"""The report of a run as a file: loss, WER, CER and summary, as a self-contained HTML page or as PNG."""

import base64
import html
import time
from typing import NamedTuple

import gradio as gr
import plotly.graph_objects as go
from plotly.io import to_html
from plotly.offline import get_plotlyjs

from qal.errors import TrainingError
from qal.evaluation.report import REPORT_TITLE, RunReport
from qal.jobs.index import Entry
from qal.jobs.metrics import MetricsRows
from ui_components.app.studio import Studio
from ui_components.train.report.png import report_png
from ui_components.train.report.summary import (
    LOSS_TITLE,
    RATE_TITLES,
    SUMMARY_TITLE,
    metric_order,
    summary_basis,
    summary_lines,
)
from ui_components.train.report.view import report_html
from ui_components.train.run.figures import loss_figure, rate_figure
from ui_components.train.run.view import STATE_LABELS, base_and_corpora

PLOTLY_CONFIG = {"displaylogo": False, "responsive": True}
HEIGHT_PX = 340  # with the legend
RESIZE_JS = "document.querySelectorAll('.js-plotly-plot').forEach((plot) => Plotly.Plots.resize(plot))"
CHANGE_CLASSES = {True: "better", False: "worse", None: ""}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1c1b19;
  background: #fff; }
h1 { font-size: 1.4rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1rem; margin: 0 0 .5rem; }
p { color: #57534c; margin: .25rem 0 1.25rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 28rem), 1fr)); gap: 1.25rem; }
section { border: 1px solid #e6e3dd; border-radius: 8px; padding: 1rem; overflow-x: auto; min-width: 0; }
section p:last-child { margin-bottom: 0; } .wide { grid-column: 1 / -1; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums;
  margin-bottom: .75rem; white-space: nowrap; }
th, td { text-align: right; padding: .45rem .4rem; border-top: 1px solid #e6e3dd; }
@media (max-width: 40rem) { table { white-space: normal; } body { margin-top: 1rem; } }
th { font-weight: 600; color: #57534c; } th:first-child, td:first-child { text-align: left; }
.better { color: #137468; font-weight: 600; } .worse, .problem { color: #a8340a; font-weight: 600; }
@media (prefers-color-scheme: dark) { body { color: #f3f1ed; background: #131211; } p, th { color: #a29d93; }
  section, th, td { border-color: #413e39; } .better { color: #43aea0; } .worse, .problem { color: #ff9d75; } }
"""


class RunMetrics(NamedTuple):
    """A run and the rows of its metrics."""

    entry: Entry
    rows: MetricsRows


def download_html(studio: Studio, run_id: str | None) -> dict[str, str]:
    """The HTML report as a file for `wire_download`."""
    entry, rows = _read_run(studio, run_id)
    return {"name": f"{entry.id}-report.html", "text": report_page(entry, rows), "type": "text/html;charset=utf-8"}


def download_png(studio: Studio, run_id: str | None) -> dict[str, str]:
    """The PNG report as a file for `wire_download`."""
    entry, rows = _read_run(studio, run_id)
    image = report_png(entry.name, run_description(entry), rows, entry.report)
    return {"name": f"{entry.id}-report.png", "base64": base64.b64encode(image).decode(), "type": "image/png"}


def report_page(entry: Entry, rows: MetricsRows) -> str:
    """A page that needs no other file and no network; it contains Plotly's code."""
    name = html.escape(entry.name)
    panels = [
        (LOSS_TITLE, _panel(loss_figure(rows), "loss")),
        *((RATE_TITLES[m], _panel(rate_figure(rows, entry.report, (m,)), m)) for m in metric_order(rows)),
        (SUMMARY_TITLE, summary_html(rows, entry.report)),
    ]
    sections = "".join(f"<section><h2>{title}</h2>{panel}</section>" for title, panel in panels)
    results = report_html(entry.report)
    sections += f'<section class="wide"><h2>{REPORT_TITLE}</h2>{results}</section>' if results else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style>'
        f"<script>{get_plotlyjs()}</script></head><body><h1>{name}</h1><p>{html.escape(run_description(entry))}</p>"
        f'<div class="panels">{sections}</div><script>{RESIZE_JS}</script></body></html>'
    )


def run_description(entry: Entry) -> str:
    """The id, base model, datasets, state, start time and user of a run, in one line."""
    training = base_and_corpora(entry.config) if entry.config else "settings unreadable"
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
    user = f" · {entry.status.user}" if entry.status.user else ""
    return f"{entry.id} · {training} · {STATE_LABELS[entry.status.state]} · {started}{user}"


def summary_html(rows: MetricsRows, report: RunReport | None) -> str:
    head = "<tr><th>measure</th><th>before</th><th>after</th><th>change</th></tr>"
    lines = "".join(
        f"<tr><td>{line.measure}</td><td>{line.before}</td><td>{line.after}</td>"
        f'<td class="{CHANGE_CLASSES[line.is_better]}">{line.change}</td></tr>'
        for line in summary_lines(rows, report)
    )
    basis = html.escape(" ".join(summary_basis(rows, report)))
    return f"<table>{head}{lines}</table><p>{basis}</p>"


def _panel(figure: go.Figure | None, name: str) -> str:
    if figure is None:
        return "<p>Not measured.</p>"
    figure.update_layout(height=HEIGHT_PX)
    return to_html(figure, config=PLOTLY_CONFIG, include_plotlyjs=False, full_html=False, div_id=name)


def _read_run(studio: Studio, run_id: str | None) -> RunMetrics:
    """Reads a run and its metrics. Raises TrainingError if there is no such run."""
    entry = next((e for e in studio.run_index.entries(studio.runs) if e.id == run_id), None)
    if entry is None:
        raise TrainingError("choose a run first")
    rows = studio.run_index.metrics.read(entry.run.metrics_file).rows
    if not rows:
        gr.Info("This run has no metrics yet. Try again after its first step.")
    return RunMetrics(entry, rows)
