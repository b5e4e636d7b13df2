"""The report of a run as HTML: results on the test set and losses on other datasets. Pure functions."""

import html
from collections.abc import Sequence

from qal.evaluation.check_result import FAILED_GATE, gate_sentences
from qal.evaluation.report import REPORT_TITLE, WORSE_THAN_ORIGINAL, RunReport, Score, data_notes, retention_sentences
from qal.text.error_measure import Measure, percent

GATE_TITLE = "Checks of the gate"


def report_html(report: RunReport | None) -> str:
    """Returns the table of test results of the three models; "" without a report."""
    if not report:
        return ""
    first, second = report.measures
    lowest = min(score.error_rate(first).rate for score in report.scores.values())
    rows = "".join(
        _score_row(report.titles[variant], score, report.measures, score.error_rate(first).rate == lowest)
        for variant, score in report.scores.items()
    )
    head = f"<tr><th>{REPORT_TITLE}</th><th>{first} (95 % interval)</th><th>{second}</th><th>speed (RTF)</th></tr>"
    table = scrolling_table(REPORT_TITLE, f"{head}{rows}")
    basis = f'<p class="qal-muted">{html.escape(report.basis)}</p>'
    notes = "".join(f'<p class="qal-muted">{html.escape(note)}</p>' for note in data_notes(report))
    checks = f"{_retention_html(report)}{_gate_html(report)}{_failures_html(report)}"
    return f"{table}{basis}{_difference_html(report)}{notes}{checks}"


def unreadable_report_html() -> str:
    """Returns the sentence that stands in place of a report that this version cannot read."""
    return '<p class="qal-muted">report.json of this run cannot be read, so its results are not shown.</p>'


def _score_row(title: str, score: Score, measures: Sequence[Measure], is_best: bool) -> str:
    first, second = (score.error_rate(measure) for measure in measures)
    cells = "".join(
        f"<td>{cell}</td>" for cell in (html.escape(title), first.text, percent(second.rate), f"{score.rtf:.3f}")
    )
    return f'<tr class="{"best" if is_best else ""}">{cells}</tr>'


def _failures_html(report: RunReport) -> str:
    """Returns each loss on other audio and each failure of the gate as a warning."""
    forgotten = [(WORSE_THAN_ORIGINAL, sentence) for sentence in report.retention.failures] if report.retention else []
    refused = [(FAILED_GATE, sentence) for sentence in report.gate.failures] if report.gate else []
    return "".join(
        f'<p class="qal-note problem forgetting">{what}: {html.escape(sentence)}</p>'
        for what, sentence in [*forgotten, *refused]
    )


def _gate_html(report: RunReport) -> str:
    """Returns which checks of the gate passed, with all of their figures in a table that opens."""
    if not report.gate:
        return ""
    sentences = "".join(f'<p class="qal-muted">{html.escape(s)}</p>' for s in gate_sentences(report.gate))
    rows = "".join(
        f"<tr><td>{html.escape(check.name)}</td><td>{check.state}</td><td>{html.escape(check.detail)}</td></tr>"
        for check in report.gate.checks
    )
    head = "<tr><th>Check</th><th>Result</th><th>Figures</th></tr>"
    table = scrolling_table(GATE_TITLE, f"{head}{rows}")
    return f'{sentences}<details class="qal-gate"><summary>{GATE_TITLE}</summary>{table}</details>'


def scrolling_table(name: str, rows: str) -> str:
    """Returns a table that the keyboard can scroll where it is wider than the page.

    Args:
        name: for screen readers.
        rows: HTML."""
    return f'<div class="qal-table" tabindex="0" role="region" aria-label="{name}"><table>{rows}</table></div>'


def _retention_html(report: RunReport) -> str:
    """Returns the changes on audio that was not trained on, with the split and the number of examples."""
    sentences = retention_sentences(report.retention) if report.retention else []
    return "".join(f'<p class="qal-muted">{html.escape(sentence)}.</p>' for sentence in sentences)


def _difference_html(report: RunReport) -> str:
    """Returns a sentence with the paired difference of the deciding error rate and whether it is significant."""
    paired = report.paired
    points, low, high = 100 * paired.difference, 100 * paired.low, 100 * paired.high
    direction = "lower" if points < 0 else "higher"
    significance = "statistically significant" if low * high > 0 else "not statistically significant"
    interval = f"95 % CI {low:+.1f} to {high:+.1f}, p = {paired.p:.2g}"
    return (
        f'<p class="qal-muted">{report.measure} {abs(points):.1f} points {direction} than the original model '
        f"({interval}): {significance}.</p>"
    )
