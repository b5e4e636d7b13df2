"""The report of a run as HTML: results on the test set and losses on other datasets. Pure functions."""

import html

from qal.evaluation.report import (
    REPORT_TITLE,
    WORSE_THAN_ORIGINAL,
    PairedDifference,
    RunReport,
    Score,
    data_notes,
    percent,
    percent_interval,
)


def report_html(report: RunReport | None) -> str:
    """Returns the table of test results of the three models; "" without a report."""
    if not report:
        return ""
    lowest_wer = min(score.wer for score in report.scores.values())
    rows = "".join(
        _score_row(report.titles[variant], score, score.wer == lowest_wer) for variant, score in report.scores.items()
    )
    head = f"<tr><th>{REPORT_TITLE}</th><th>WER (95 % interval)</th><th>CER</th><th>speed (RTF)</th></tr>"
    table = f'<div class="qal-table"><table>{head}{rows}</table></div>'
    notes = "".join(f'<p class="qal-muted">{html.escape(note)}</p>' for note in data_notes(report))
    return f"{table}{_difference_html(report.paired)}{notes}{_failures_html(report)}"


def _score_row(title: str, score: Score, is_best: bool) -> str:
    wer = f"{percent(score.wer)} ({percent_interval(score.wer_low, score.wer_high)})"
    cells = "".join(f"<td>{cell}</td>" for cell in (html.escape(title), wer, percent(score.cer), f"{score.rtf:.3f}"))
    return f'<tr class="{"best" if is_best else ""}">{cells}</tr>'


def _failures_html(report: RunReport) -> str:
    failures = report.retention.failures if report.retention else ()
    return "".join(
        f'<p class="qal-note problem forgetting">{WORSE_THAN_ORIGINAL}: {html.escape(sentence)}</p>'
        for sentence in failures
    )


def _difference_html(paired: PairedDifference) -> str:
    """Returns a sentence with the paired difference of WER and whether it is significant."""
    points, low, high = 100 * paired.difference, 100 * paired.low, 100 * paired.high
    direction = "lower" if points < 0 else "higher"
    significance = "statistically significant" if low * high > 0 else "not statistically significant"
    interval = f"95 % CI {low:+.1f} to {high:+.1f}, p = {paired.p:.2g}"
    return (
        f'<p class="qal-muted">WER {abs(points):.1f} points {direction} than the original model ({interval}): '
        f"{significance}.</p>"
    )
