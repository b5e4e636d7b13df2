"""The report of an evaluation as a self-contained HTML page. Pure functions; all texts are escaped."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from qal.corpus.left_out import describe_left_out
from qal.evaluation.alignment import align
from qal.evaluation.breakdown import Figures, RateFigure
from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.tables import Cell, Table, all_tables
from qal.evaluation.records import Evaluation
from qal.text.error_measure import percent, score_basis
from ui_components.evaluate.errors.charts import error_charts
from ui_components.evaluate.report.texts import describe_evaluation, evaluation_facts
from ui_components.widgets.aligned_text import aligned_html
from ui_components.widgets.report_page import Section, figure_html, report_page_html

SHOWN_LINES = 15  # of a table; the CSV files have all
LINKED_ROWS = 6  # of a line
NOT_SHOWN = {"figures", "examples", "insertions", "worst", "phoneme_matrix"}  # tables that have another form here
WIDE = {"by_speaker", "by_source", "differences", "phoneme_matrix", "never_right"}
STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def report_page(evaluation: Evaluation, analysis: ErrorAnalysis) -> str:
    """Returns the page with figures, breakdowns, confusions, and the worst examples aligned."""
    tables = {table.name: table for table in all_tables(analysis)}
    sections = [
        Section("Result", figures_html(analysis), is_wide=True),
        Section("Settings", facts_html(evaluation, analysis), is_wide=True),
    ]
    for chart in error_charts(analysis):
        table = tables.pop(chart.name, None)
        content = figure_html(chart.figure, chart.name, chart.figure.layout.height)
        content += table_html(table) if table and table.name not in NOT_SHOWN else ""
        sections.append(Section(chart.title, content, chart.name in WIDE))
    sections += [Section(t.title, table_html(t), is_wide=True) for t in tables.values() if t.name not in NOT_SHOWN]
    sections.append(Section("Worst examples", rows_html(analysis, analysis.worst), is_wide=True))
    others = sorted(linked_rows(analysis) - set(analysis.worst))
    if others:
        sections.append(Section("Examples of the tables", rows_html(analysis, others), is_wide=True))
    return report_page_html(f"Evaluation of {evaluation.model}", describe_evaluation(evaluation), sections, STYLE)


def figures_html(analysis: ErrorAnalysis) -> str:
    """The error rates with their intervals and what they rest on, as a table."""
    figures = analysis.figures
    first, second = (figures.wer, figures.cer) if figures.measure == "WER" else (figures.cer, figures.wer)
    lines = [(rate.measure, rate.error_rate.text, "95 % interval by utterance") for rate in (first, second)]
    lines += _speaker_line(figures.by_speaker, figures.speakers)
    lines += [
        ("MER", percent(figures.mer), "match error rate: edits per aligned pair of words"),
        ("WIL", percent(figures.wil), "word information lost"),
        ("substitutions", f"{figures.edits.substitutions:,}", "words written as other words"),
        ("deletions", f"{figures.edits.deletions:,}", "words missing"),
        ("insertions", f"{figures.edits.insertions:,}", "words that were not said"),
    ]
    lines += [("RTF", f"{figures.rtf:.3f}", "seconds of computation per second of audio")] if figures.rtf else []
    lines += _silence_line(analysis)
    body = "".join(
        f'<tr><td>{name}</td><td>{value}</td><td class="text">{about}</td></tr>' for name, value, about in lines
    )
    return f"<table>{body}</table>"


def facts_html(evaluation: Evaluation, analysis: ErrorAnalysis) -> str:
    """All that the figures rest on: data, normaliser, decoding, hardware, what was left out."""
    figures = analysis.figures
    basis = score_basis(evaluation.split, figures.utterances, figures.words, analysis.normaliser.id)
    lines = [("Rests on", basis), ("Audio", _hours(figures)), *evaluation_facts(evaluation)]
    if evaluation.left_out:
        lines.append(("Left out", describe_left_out(evaluation.left_out)))
    if analysis.phonemes_problem:
        lines.append(("Phonemes", analysis.phonemes_problem))
    body = "".join(f'<tr><td>{_text(name)}</td><td class="text">{_text(value)}</td></tr>' for name, value in lines)
    return f"<table>{body}</table>"


def table_html(table: Table, shown: int = SHOWN_LINES) -> str:
    """The first lines of a table, each with links to examples that it comes from."""
    head = "".join(f'<th class="text">{_text(column)}</th>' for column in (*table.columns, "examples"))
    body = "".join(
        f'<tr>{"".join(map(_cell_html, line))}<td class="text">{links_html(sources)}</td></tr>'
        for line, sources in zip(table.lines[:shown], table.sources, strict=False)
    )
    hidden = len(table.lines) - shown
    more = f"<p>{hidden:,} more in tables/{table.name}.csv.</p>" if hidden > 0 else ""
    return f"<table><tr>{head}</tr>{body}</table>{more}"


def links_html(rows: Sequence[int], shown: int = LINKED_ROWS) -> str:
    """Links to rows by their line in rows.jsonl."""
    links = " ".join(f'<a href="#row-{row + 1}">{row + 1}</a>' for row in rows[:shown])
    return f"{links} …" if len(rows) > shown else links


def linked_rows(analysis: ErrorAnalysis) -> set[int]:
    """Returns the indices of the rows to which a table of the page links."""
    return {
        row
        for table in all_tables(analysis)
        if table.name not in NOT_SHOWN
        for sources in table.sources[:SHOWN_LINES]
        for row in sources[:LINKED_ROWS]
    }


def rows_html(analysis: ErrorAnalysis, rows: Iterable[int]) -> str:
    """Rows with their reference and transcript aligned."""
    return "".join(_row_html(analysis, row) for row in rows) or "<p>No example has an error.</p>"


def _row_html(analysis: ErrorAnalysis, index: int) -> str:
    row, counts = analysis.found.rows[index], analysis.found.counts
    alignment = align(row.reference, row.hypothesis, row.language or None, analysis.normaliser)
    rate = float(counts.errors[index] / np.maximum(1, counts.lengths[index]))
    facts = [str(index + 1), row.audio, row.speaker, f"{row.duration_s:.1f} s", f"{counts.measure} {percent(rate)}"]
    title = " · ".join(_text(fact) for fact in facts if fact)
    return f'<article id="row-{index + 1}"><h3>{title}</h3>{aligned_html(alignment.words, row.language)}</article>'


def _speaker_line(rate: RateFigure | None, speakers: int) -> list[tuple[str, str, str]]:
    if rate is None:
        return []
    return [(f"{rate.measure} by speaker", rate.error_rate.text, f"95 % interval by draws of {speakers} speakers")]


def _silence_line(analysis: ErrorAnalysis) -> list[tuple[str, str, str]]:
    silent = analysis.silent
    if silent.words_per_minute is None:
        return []
    about = f"per minute, in {len(silent.with_words)} of {len(silent.rows)} examples without speech"
    return [("invented words", f"{silent.words_per_minute:.1f}", about)]


def _hours(figures: Figures) -> str:
    speakers = f", {figures.speakers} speakers" if figures.speakers else ""
    return f"{figures.seconds / 60:.1f} minutes{speakers}"


def _cell_html(cell: Cell) -> str:
    if isinstance(cell, str):
        return f'<td class="text" dir="auto">{_text(cell) or "∅"}</td>'
    return f"<td>{'' if cell is None else f'{cell:,}' if isinstance(cell, int) else f'{cell:.3f}'}</td>"


def _text(text: str) -> str:
    return html.escape(text)
