"""The report of a run as a PNG image of four panels, drawn by Matplotlib without a browser."""

from collections.abc import Sequence
from typing import Any

from qal.evaluation.report import RunReport
from qal.jobs.metrics import MetricsRows
from ui_components.train.report.summary import (
    LOSS_TITLE,
    RATE_TITLES,
    SUMMARY_TITLE,
    SummaryLine,
    metric_order,
    summary_basis,
    summary_lines,
)
from ui_components.train.run.figures import AMBER, RATE_COLOURS, TEAL, reference_levels
from ui_components.train.run.traces import column, smoothed, thinned
from ui_components.widgets.report_png import (
    GRID,
    LIGHT_TEXT,
    MUTED_TEXT,
    TEXT,
    add_legend,
    four_panels_png,
    prepare_panel,
)

CHANGE_COLOURS = {True: "#137468", False: "#a8340a", None: TEXT}  # better, worse, not known
COLUMNS = (("measure", 0.0, "left"), ("before", 0.44, "right"), ("after", 0.73, "right"), ("change", 1.0, "right"))
TABLE_TOP, LINE_HEIGHT = 0.98, 0.11  # shares of the panel's height


def report_png(title: str, subtitle: str, rows: MetricsRows, report: RunReport | None) -> bytes:
    """Draws the loss, WER and CER charts and the summary table."""

    def draw(panels: Any) -> None:
        _draw_loss(panels[0][0], rows)
        for panel, metric in zip((panels[0][1], panels[1][0]), metric_order(rows), strict=True):
            _draw_rate(panel, rows, report, metric)
        _draw_table(panels[1][1], summary_lines(rows, report), summary_basis(rows, report))

    return four_panels_png(title, subtitle, draw)


def _draw_loss(panel: Any, rows: MetricsRows) -> None:
    prepare_panel(panel, LOSS_TITLE, "step")
    training, validation = column(rows, "loss"), column(rows, "validation_loss")
    if len(training.x):
        _draw_thinned(panel, training.x, training.y, color=LIGHT_TEXT, linewidth=0.8, label="each step")
        _draw_thinned(panel, training.x, smoothed(training.y), color=TEAL, linewidth=2, label="smoothed")
    if len(validation.x):
        style = {"linestyle": ":", "marker": "D", "markersize": 5}
        panel.plot(validation.x, validation.y, color=AMBER, label="validation", **style)
    add_legend(panel)


def _draw_thinned(panel: Any, x: Any, y: Any, **style: Any) -> None:
    kept = thinned(y)
    panel.plot(x[kept], y[kept], **style)


def _draw_rate(panel: Any, rows: MetricsRows, report: RunReport | None, metric: str) -> None:
    colour = RATE_COLOURS[metric]
    prepare_panel(panel, f"{RATE_TITLES[metric]} (%)", "epoch")
    rate = column(rows, metric, "epoch")
    if len(rate.x):
        panel.plot(rate.x, 100 * rate.y, color=colour, linewidth=2, marker="o", markersize=5, label="validation set")
        panel.xaxis.get_major_locator().set_params(integer=True)
    for level in reference_levels(rows, report, metric):
        label = f"{level.name}: {100 * level.share:.1f} %"
        style = {"dash": "--", "dot": ":"}[level.dash]
        panel.axhline(100 * level.share, color=TEXT, linewidth=1.2, linestyle=style, label=label)
    panel.set_ylim(bottom=0)
    add_legend(panel)


def _draw_table(panel: Any, lines: Sequence[SummaryLine], basis: Sequence[str]) -> None:
    def draw_text(x: float, y: float, text: str, align: str, size: float, colour: str) -> None:
        panel.text(x, y, text, ha=align, va="top", fontsize=size, color=colour, transform=panel.transAxes)

    panel.axis("off")
    panel.set_title(SUMMARY_TITLE, loc="left", fontsize=12, color=TEXT, fontweight="bold")
    for name, x, align in COLUMNS:
        draw_text(x, TABLE_TOP, name, align, 9.5, MUTED_TEXT)
    for i, line in enumerate(lines):
        y = TABLE_TOP - LINE_HEIGHT * (i + 1)
        panel.axhline(y + 0.035, color=GRID, linewidth=0.8)
        for name, x, align in COLUMNS:
            colour = CHANGE_COLOURS[line.is_better] if name == "change" else TEXT
            draw_text(x, y, getattr(line, name), align, 9, colour)
    panel.set_ylim(0, 1)
    draw_text(0, TABLE_TOP - LINE_HEIGHT * (len(lines) + 1), "\n".join(basis), "left", 8, MUTED_TEXT)
    if not lines:
        draw_text(0, 0.8, "nothing was measured yet", "left", 10, LIGHT_TEXT)
