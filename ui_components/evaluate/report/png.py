"""The report of an evaluation as a PNG image of four panels."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.confusions import substitutions
from qal.evaluation.records import Evaluation
from qal.text.error_measure import percent, score_basis
from ui_components.evaluate.errors.charts import GROUP_TITLES
from ui_components.evaluate.errors.figures import KIND_COLOURS, pair_text
from ui_components.evaluate.report.texts import describe_evaluation
from ui_components.train.run.figures import TEAL
from ui_components.widgets.report_png import (
    GRID,
    LIGHT_TEXT,
    MUTED_TEXT,
    TEXT,
    add_legend,
    cut,
    four_panels_png,
    prepare_panel,
)

GROUPS_SHOWN, PAIRS_SHOWN = 12, 14
GROUPINGS_SHOWN = ("speaker", "duration", "language", "snr", "speed", "source")  # the first that the rows have
MAX_NAME_CHARS = 24
LEGEND_SPACE = 1.2  # height of the panel, as a multiple of the highest bar
LINE_HEIGHT = 0.105  # share of the panel's height


class Bar(NamedTuple):
    """A bar with its interval; None: no interval."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


def report_png(evaluation: Evaluation, analysis: ErrorAnalysis) -> bytes:
    """Draws the figures, a breakdown, errors by position, and the words confused most."""

    def draw(panels: Any) -> None:
        _draw_figures(panels[0][0], evaluation, analysis)
        _draw_groups(panels[0][1], analysis)
        _draw_positions(panels[1][0], analysis)
        pairs = substitutions(analysis.words)[:PAIRS_SHOWN]
        _draw_bars(panels[1][1], "Words confused most", "times", [Bar(pair_text(c), c.count) for c in pairs])

    return four_panels_png(f"Evaluation of {evaluation.model}", describe_evaluation(evaluation), draw)


def _draw_figures(panel: Any, evaluation: Evaluation, analysis: ErrorAnalysis) -> None:
    figures = analysis.figures
    basis = score_basis(evaluation.split, figures.utterances, figures.words, analysis.normaliser.id)
    edits = figures.edits
    lines = [
        (figures.wer.measure, figures.wer.error_rate.text),
        (figures.cer.measure, figures.cer.error_rate.text),
        ("MER", percent(figures.mer)),
        ("WIL", percent(figures.wil)),
        ("substitutions, deletions, insertions", f"{edits.substitutions:,}, {edits.deletions:,}, {edits.insertions:,}"),
        ("RTF", "not measured" if figures.rtf is None else f"{figures.rtf:.3f}"),
        ("left out", f"{sum(evaluation.left_out.values()):,}"),
    ]
    panel.axis("off")
    panel.set_ylim(0, 1)
    panel.set_title("Result", loc="left", fontsize=12, color=TEXT, fontweight="bold")
    for i, (name, value) in enumerate(lines):
        y = 0.96 - LINE_HEIGHT * i
        panel.axhline(y + 0.03, color=GRID, linewidth=0.8)
        style = {"va": "top", "fontsize": 10, "transform": panel.transAxes}
        panel.text(0, y, name, ha="left", color=MUTED_TEXT, **style)
        panel.text(1, y, value, ha="right", color=TEXT, **style)
    panel.text(0, 0.96 - LINE_HEIGHT * len(lines), basis, va="top", fontsize=8, color=MUTED_TEXT)


def _draw_groups(panel: Any, analysis: ErrorAnalysis) -> None:
    by = next((name for name in GROUPINGS_SHOWN if name in analysis.groups), None)
    groups = analysis.groups[by][:GROUPS_SHOWN] if by else ()
    bars = [Bar(g.name, *(100 * v for v in (r.rate, r.low, r.high))) for g in groups for r in [g.figures.deciding]]
    title = GROUP_TITLES[by] if by else "By speaker"
    _draw_bars(panel, title, f"{analysis.figures.measure} in %, with 95 % interval", bars)


def _draw_positions(panel: Any, analysis: ErrorAnalysis) -> None:
    prepare_panel(panel, "By position in the utterance", "errors per word in %")
    bottom = [0.0] * len(analysis.positions)
    for kind, colour in KIND_COLOURS.items():
        heights = [100 * getattr(part, kind) / max(1, part.words) for part in analysis.positions]
        names = [part.name for part in analysis.positions]
        panel.bar(names, heights, bottom=bottom, color=colour, label=kind, width=0.8)
        bottom = [a + b for a, b in zip(bottom, heights, strict=True)]
    panel.tick_params(axis="x", labelsize=7, rotation=30)
    panel.set_xlabel("")
    panel.set_ylabel("errors per word in %", color=MUTED_TEXT)
    panel.set_ylim(top=LEGEND_SPACE * max([*bottom, 1.0]))
    add_legend(panel, columns=len(KIND_COLOURS))


def _draw_bars(panel: Any, title: str, x_title: str, bars: Sequence[Bar]) -> None:
    """Draws horizontal bars, the first one on top."""
    prepare_panel(panel, title, x_title)
    if not bars:
        panel.axis("off")
        panel.text(0, 0.8, "none", color=LIGHT_TEXT, fontsize=10, transform=panel.transAxes)
        return
    heights = list(range(len(bars)))
    panel.barh(heights, [bar.value for bar in bars], color=TEAL, height=0.7)
    for height, bar in zip(heights, bars, strict=True):
        if bar.low is not None:
            panel.plot([bar.low, bar.high], [height, height], color=MUTED_TEXT, linewidth=1.2)
    panel.set_yticks(heights, [cut(bar.name, MAX_NAME_CHARS) for bar in bars], fontsize=8)
    panel.invert_yaxis()
    panel.set_xlim(left=0)
    panel.xaxis.get_major_locator().set_params(integer=True)
