"""The report of an evaluation as a self-contained HTML page. Pure functions; all texts are escaped."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qal.corpus.left_out import describe_left_out
from qal.evaluation.alignment import align
from qal.evaluation.breakdown import Figures, Group, RateFigure
from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.tables import Cell, Table, all_tables, group_table
from qal.evaluation.records import Evaluation
from qal.text.error_measure import percent, score_basis
from ui_components.evaluate.errors.charts import error_charts
from ui_components.evaluate.report.texts import describe_evaluation, evaluation_facts
from ui_components.widgets.aligned_text import aligned_html
from ui_components.widgets.report_page import Section, figure_html, report_page_html

SHOWN_LINES = 15  # of a table; the CSV files have all
LINKED_ROWS = 6  # of a line
NOT_SHOWN = {"figures", "examples", "insertions", "worst", "phoneme_matrix"}  # tables that have another form here
EDITS = ("S", "D", "I")  # substitutions, deletions, insertions
WIDE = {"differences", "phoneme_matrix", "never_right"}
HALF_COLUMNS = 4  # of the widest table that fits into half of the page
SHORT_TEXT = 24  # characters of a cell that stays on one line, such as "29.8 % (25.8 – 34.0)"
STYLE = Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def report_page(evaluation: Evaluation, analysis: ErrorAnalysis) -> str:
    """Returns the page with figures, breakdowns, confusions, and the worst examples aligned."""
    tables = {table.name: table for table in all_tables(analysis)}
    sections = [
        Section("Result", figures_html(analysis), is_wide=True),
        Section("Settings", facts_html(evaluation, analysis), is_wide=True),
    ]
    tables |= {f"by_{by}": short_group_table(by, groups) for by, groups in analysis.groups.items()}
    for chart in error_charts(analysis):
        table = tables.pop(chart.name, None)
        layout: Any = chart.figure.layout
        content = figure_html(chart.figure, chart.name, layout.height)
        is_wide = chart.name in WIDE
        if table and table.name not in NOT_SHOWN:
            content += table_html(table)
            is_wide = is_wide or len(table.columns) > HALF_COLUMNS
        sections.append(Section(chart.title, content, is_wide))
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
    return f'<table class="facts">{body}</table>'


def short_group_table(by: str, groups: Sequence[Group]) -> Table:
    """Returns the most important figures of each group, the deciding error rate with its interval first."""
    full = group_table(by, groups)
    lines = tuple((group.name, *_short_figures(group.figures)) for group in groups)
    measure = groups[0].figures.measure
    other = "CER" if measure == "WER" else "WER"
    columns = (by, f"{measure} (95 % interval)", other, "utterances", "words", *EDITS)
    return Table(full.name, full.title, columns, lines, full.sources)


def _short_figures(figures: Figures) -> tuple[Cell, ...]:
    first, second = (figures.wer, figures.cer) if figures.measure == "WER" else (figures.cer, figures.wer)
    return first.error_rate.text, percent(second.rate), figures.utterances, figures.words, *figures.edits


def table_html(table: Table, shown: int = SHOWN_LINES) -> str:
    """The first lines of a table, each with links to examples that it comes from."""
    first = table.lines[0] if table.lines else ("",) * len(table.columns)
    head = "".join(map(_heading_html, (*table.columns, "examples"), (*first, "")))
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


def _heading_html(column: str, cell: Cell) -> str:
    """The heading of a column, aligned as the cell below it."""
    return f'<th class="text">{_text(column)}</th>' if isinstance(cell, str) else f"<th>{_text(column)}</th>"


def _cell_html(cell: Cell) -> str:
    if isinstance(cell, str):
        length = " short" if len(cell) <= SHORT_TEXT else ""
        return f'<td class="text{length}" dir="auto">{_text(cell) or "∅"}</td>'
    return f"<td>{'' if cell is None else f'{cell:,}' if isinstance(cell, int) else f'{cell:.3f}'}</td>"


def _text(text: str) -> str:
    return html.escape(text)
