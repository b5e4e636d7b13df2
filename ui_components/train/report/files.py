"""The report of a run as a file: loss, WER, CER and summary, as a self-contained HTML page or as PNG."""

import base64
import html
import time
from typing import NamedTuple

import gradio as gr

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
from ui_components.widgets.report_page import Section, figure_html, report_page_html

CHANGE_CLASSES = {True: "better", False: "worse", None: ""}


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
    sections = [
        Section(LOSS_TITLE, figure_html(loss_figure(rows), "loss")),
        *(Section(RATE_TITLES[m], figure_html(rate_figure(rows, entry.report, (m,)), m)) for m in metric_order(rows)),
        Section(SUMMARY_TITLE, summary_html(rows, entry.report)),
    ]
    results = report_html(entry.report)
    sections += [Section(REPORT_TITLE, results, is_wide=True)] if results else []
    return report_page_html(entry.name, run_description(entry), sections)


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


def _read_run(studio: Studio, run_id: str | None) -> RunMetrics:
    """Reads a run and its metrics. Raises TrainingError if there is no such run."""
    entry = next((e for e in studio.run_index.entries(studio.runs) if e.id == run_id), None)
    if entry is None:
        raise TrainingError("choose a run first")
    rows = studio.run_index.metrics.read(entry.run.metrics_file).rows
    if not rows:
        gr.Info("This run has no metrics yet. Try again after its first step.")
    return RunMetrics(entry, rows)
