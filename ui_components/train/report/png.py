"""The report of a run as a picture of four panels. Matplotlib draws it: no browser, no network, no screen."""

import io
import threading
import warnings
from collections.abc import Sequence
from typing import Any

from qal.evaluation.report import BEFORE_TRAINING, ORIGINAL_ON_TEST_SET, RunReport
from qal.jobs.metrics import MetricsRows
from ui_components.train.report.summary import CER_TITLE, LOSS_TITLE, SUMMARY_TITLE, WER_TITLE, Line, summary_lines
from ui_components.train.run.figures import AMBER, TEAL
from ui_components.train.run.traces import column, smoothed, thinned

SIZE, DPI = (13.0, 8.0), 120  # inches
INK, FAINT, GRID = "#413e39", "#a29d93", "#e6e3dd"
GOOD, BAD = "#137468", "#a8340a"
COLUMNS = (("measure", 0.0, "left"), ("before", 0.44, "right"), ("after", 0.73, "right"), ("change", 1.0, "right"))
LINE_HEIGHT = 0.11  # of the panel
FONTS = ("DejaVu Sans", "Noto Sans Ethiopic", "Abyssinica SIL", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Sans")
LOCK = threading.Lock()  # Matplotlib is not made for threads


def report_png(name: str, about: str, rows: MetricsRows, report: RunReport | None) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # when first wanted: it takes a moment
    from matplotlib.figure import Figure
    from matplotlib.font_manager import get_font_names

    fonts = [font for font in FONTS if font in get_font_names()]
    with LOCK, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a box stands in its place
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor="white", layout=None)
        FigureCanvasAgg(figure)
        panels = figure.subplots(2, 2, gridspec_kw={"width_ratios": (1, 1.05)})
        figure.subplots_adjust(left=0.06, right=0.97, top=0.85, bottom=0.08, wspace=0.16, hspace=0.36)
        title = {"x": 0.06, "ha": "left", "parse_math": False, "fontfamily": fonts}
        figure.text(y=0.945, s=_cut(name, 80), fontsize=17, fontweight="bold", color=INK, **title)
        figure.text(y=0.91, s=_cut(about, 130), fontsize=10, color="#57534c", **title)
        _draw_loss(panels[0][0], rows)
        _draw_rate(panels[0][1], rows, "wer", f"{WER_TITLE} (%)", TEAL, report)
        _draw_rate(panels[1][0], rows, "cer", f"{CER_TITLE} (%)", AMBER, report)
        _draw_table(panels[1][1], summary_lines(rows, report))
        target = io.BytesIO()
        figure.savefig(target, format="png")
    return target.getvalue()


def _draw_loss(panel: Any, rows: MetricsRows) -> None:
    _dress(panel, LOSS_TITLE, "step")
    step, loss = column(rows, "loss")
    if len(step):
        for name, y, colour, width in (("each step", loss, FAINT, 0.8), ("smoothed", smoothed(loss), TEAL, 2)):
            shown = thinned(y)
            panel.plot(step[shown], y[shown], color=colour, linewidth=width, label=name)
    at, validation = column(rows, "validation_loss")
    if len(at):
        panel.plot(at, validation, color=AMBER, linestyle=":", marker="D", markersize=5, label="validation")
    _legend(panel)


def _draw_rate(panel: Any, rows: MetricsRows, key: str, title: str, colour: str, report: RunReport | None) -> None:
    _dress(panel, title, "epoch")
    epoch, share = column(rows, key, "epoch")
    if len(epoch):
        panel.plot(epoch, 100 * share, color=colour, linewidth=2, marker="o", markersize=5, label="validation rows")
        panel.xaxis.get_major_locator().set_params(integer=True)
    start = next((row[key] for row in rows if row["step"] == 0 and key in row), None)
    original = getattr(report.stock_30s, key) if report else None
    for name, level, dash in ((BEFORE_TRAINING, start, "--"), (ORIGINAL_ON_TEST_SET, original, ":")):
        if level is not None:
            panel.axhline(100 * level, color=INK, linewidth=1.2, linestyle=dash, label=f"{name}: {100 * level:.1f} %")
    panel.set_ylim(bottom=0)
    _legend(panel)


def _draw_table(panel: Any, lines: Sequence[Line]) -> None:
    panel.axis("off")
    panel.set_title(SUMMARY_TITLE, loc="left", fontsize=12, color=INK, fontweight="bold")
    for name, x, side in COLUMNS:
        panel.text(x, 0.98, name, ha=side, va="top", fontsize=9.5, color="#57534c", transform=panel.transAxes)
    for i, line in enumerate(lines):
        y = 0.98 - LINE_HEIGHT * (i + 1)
        panel.axhline(y + 0.035, color=GRID, linewidth=0.8)
        colours = (INK, INK, INK, {True: GOOD, False: BAD, None: INK}[line.better])
        words = (line.measure, line.before, line.after, line.change)
        for (_, x, side), word, colour in zip(COLUMNS, words, colours, strict=True):
            panel.text(x, y, word, ha=side, va="top", fontsize=9, color=colour, transform=panel.transAxes)
    panel.set_ylim(0, 1)
    if not lines:
        panel.text(0, 0.8, "nothing was measured yet", fontsize=10, color=FAINT, transform=panel.transAxes)


def _dress(panel: Any, title: str, x_title: str) -> None:
    panel.set_title(title, loc="left", fontsize=12, color=INK, fontweight="bold")
    panel.set_xlabel(x_title, color="#57534c")
    panel.grid(color=GRID, linewidth=0.8)
    panel.tick_params(colors="#57534c", length=0)
    panel.set_axisbelow(True)
    for side in panel.spines.values():
        side.set_visible(False)


def _legend(panel: Any) -> None:
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=9, labelcolor=INK)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
