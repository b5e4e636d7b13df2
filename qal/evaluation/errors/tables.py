"""Every figure of an error analysis as a table, for CSV and for a report.

The column `rows` holds numbers of lines of rows.jsonl, from 1, so that each figure can be traced to its examples."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from qal.evaluation.breakdown import Figures, Group
from qal.evaluation.errors.analysis import ErrorAnalysis
from qal.evaluation.errors.confusions import Confusion
from qal.evaluation.errors.phonemes import confusion_matrix

ROWS = "rows"
DIGITS = 6  # of shares
Cell = str | int | float | None


class Table(NamedTuple):
    """A table; the rows of the evaluation that each line comes from are in `sources`."""

    name: str  # of the CSV file
    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    sources: tuple[tuple[int, ...], ...]  # indices of rows, for each line


def csv_text(table: Table) -> str:
    """Returns the table as CSV, with the column `rows`; cells that a spreadsheet would compute begin with a quote."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*table.columns, ROWS])
    for line, sources in zip(table.lines, table.sources, strict=True):
        writer.writerow([*map(harmless, line), line_numbers(sources)])
    return file.getvalue()


def harmless(cell: Cell) -> Cell:
    """Returns the cell; a text that a spreadsheet would take for a formula gets a quote before it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def line_numbers(rows: Iterable[int]) -> str:
    return " ".join(str(row + 1) for row in rows)


def all_tables(analysis: ErrorAnalysis) -> list[Table]:
    """Returns all tables that have lines."""
    tables = [make(analysis) for make in TABLES]
    tables += [group_table(by, groups) for by, groups in analysis.groups.items()]
    return [table for table in tables if table.lines]


def row_table(analysis: ErrorAnalysis) -> Table:
    """Returns all rows with their errors."""
    found = analysis.found
    columns = ("audio", "speaker", "language", "duration_s", "snr_db", "source", "reference", "hypothesis")
    lines = []
    for i, row in enumerate(found.rows):
        known = row.model_dump(include=set(columns))
        counts = (found.counts.word_errors[i], found.counts.words[i])
        characters = (found.counts.character_errors[i], found.counts.characters[i])
        lines.append((*(known[column] for column in columns), *map(int, (*counts, *characters))))
    names = (*columns, "word_errors", "words", "character_errors", "characters")
    return Table("examples", "All examples", names, tuple(lines), tuple((i,) for i in range(len(lines))))


def figures_table(analysis: ErrorAnalysis) -> Table:
    """Returns the figures of all rows in one line."""
    names, line = _figure_cells(analysis.figures)
    everything = tuple(range(len(analysis.found.rows)))
    return Table("figures", "All examples together", names, (line,), (everything,))


def group_table(by: str, groups: Sequence[Group]) -> Table:
    """Returns the figures of each group."""
    cells = [_figure_cells(group.figures) for group in groups]
    names = cells[0].names if cells else ()
    lines = tuple((group.name, *cell.line) for group, cell in zip(groups, cells, strict=True))
    return Table(f"by_{by}", f"By {TITLES.get(by, by)}", (by, *names), lines, tuple(group.indices for group in groups))


def word_table(analysis: ErrorAnalysis) -> Table:
    return _confusion_table("word_confusions", "Words", analysis.words)


def character_table(analysis: ErrorAnalysis) -> Table:
    return _confusion_table("character_confusions", "Characters", analysis.characters)


def phoneme_table(analysis: ErrorAnalysis) -> Table:
    found = analysis.phonemes.confusions if analysis.phonemes else ()
    distances = analysis.phonemes.distances if analysis.phonemes else {}
    lines = tuple(
        (c.reference, c.hypothesis, c.count, _rounded(distances.get((c.reference, c.hypothesis)))) for c in found
    )
    columns = ("reference", "hypothesis", "count", "distance")
    return Table("phoneme_confusions", "Phonemes", columns, lines, tuple(c.rows for c in found))


def phoneme_matrix_table(analysis: ErrorAnalysis) -> Table:
    """Returns how often each phoneme (lines) was written as each other one (columns); "" is none."""
    name, title = "phoneme_matrix", "Phonemes: said and written"
    if not analysis.phonemes:
        return Table(name, title, (), (), ())
    matrix = confusion_matrix(analysis.phonemes)
    sources = tuple(
        tuple(sorted({row for c in analysis.phonemes.confusions if c.reference == said for row in c.rows}))
        for said in matrix.references
    )
    counts = matrix.counts.tolist()
    lines = tuple((said, *line) for said, line in zip(matrix.references, counts, strict=True))
    return Table(name, title, ("said", *matrix.hypotheses), lines, sources)


def never_right_table(analysis: ErrorAnalysis) -> Table:
    lines = tuple(
        (score.word, score.count, ", ".join(f"{word or '(nothing)'} {n}" for word, n in score.instead))
        for score in analysis.never_right
    )
    columns = ("word", "count", "written instead")
    return Table(
        "never_right", "Words never right", columns, lines, tuple(score.rows for score in analysis.never_right)
    )


def position_table(analysis: ErrorAnalysis) -> Table:
    lines = tuple(
        (part.name, part.words, part.substitutions, part.deletions, part.insertions, _rounded(part.rate))
        for part in analysis.positions
    )
    columns = ("position", "words", "substitutions", "deletions", "insertions", "errors per word")
    return Table("by_position", "By position", columns, lines, tuple(part.rows for part in analysis.positions))


def insertion_table(analysis: ErrorAnalysis) -> Table:
    lines = tuple((analysis.found.rows[found.row].audio, found.count) for found in analysis.insertions)
    sources = tuple((found.row,) for found in analysis.insertions)
    return Table("insertions", "Inserted words", ("audio", "inserted words"), lines, sources)


def stretch_table(analysis: ErrorAnalysis) -> Table:
    lines = tuple((" ".join(found.words), len(found.words), found.position + 1) for found in analysis.stretches)
    sources = tuple((found.row,) for found in analysis.stretches)
    return Table("inserted_stretches", "Inserted stretches", ("words", "length", "before word"), lines, sources)


def silent_table(analysis: ErrorAnalysis) -> Table:
    lines = tuple((text, len(rows)) for text, rows in analysis.silent.texts)
    sources = tuple(rows for _, rows in analysis.silent.texts)
    return Table("without_speech", "Written where nothing is said", ("text", "examples"), lines, sources)


def ignored_table(analysis: ErrorAnalysis) -> Table:
    columns = ("difference", "measure", "rate", "rate ignoring it", "substitutions", "this difference alone", "share")
    lines = tuple(
        (i.name, i.measure, *map(_rounded, (i.rate, i.rate_ignoring)), i.substitutions, i.vanishing, _rounded(i.share))
        for i in analysis.ignored
    )
    return Table(
        "differences",
        "Error rate where a difference is ignored",
        columns,
        lines,
        tuple(ignored.rows for ignored in analysis.ignored),
    )


def worst_table(analysis: ErrorAnalysis) -> Table:
    found = analysis.found
    rates = found.counts.errors / np.maximum(1, found.counts.lengths)
    lines = tuple(
        (found.rows[i].audio, _rounded(float(rates[i])), found.rows[i].reference, found.rows[i].hypothesis)
        for i in analysis.worst
    )
    columns = ("audio", found.counts.measure.lower(), "reference", "hypothesis")
    return Table("worst", "Worst examples", columns, lines, tuple((i,) for i in analysis.worst))


TITLES = {"snr": "signal-to-noise ratio", "speed": "speed of speech"}  # where the key is no word
TABLES: tuple[Callable[[ErrorAnalysis], Table], ...] = (
    figures_table,
    row_table,
    word_table,
    character_table,
    phoneme_table,
    phoneme_matrix_table,
    never_right_table,
    position_table,
    insertion_table,
    stretch_table,
    silent_table,
    ignored_table,
    worst_table,
)


class _FigureCells(NamedTuple):
    names: tuple[str, ...]
    line: tuple[Cell, ...]


def _figure_cells(figures: Figures) -> _FigureCells:
    cells: dict[str, Cell] = {
        "utterances": figures.utterances,
        "words": figures.words,
        "seconds": round(figures.seconds, 3),
        "wer": _rounded(figures.wer.rate),
        "wer_low": _rounded(figures.wer.low),
        "wer_high": _rounded(figures.wer.high),
        "cer": _rounded(figures.cer.rate),
        "cer_low": _rounded(figures.cer.low),
        "cer_high": _rounded(figures.cer.high),
        "mer": _rounded(figures.mer),
        "wil": _rounded(figures.wil),
        **figures.edits._asdict(),
        "rtf": _rounded(figures.rtf),
    }
    return _FigureCells(tuple(cells), tuple(cells.values()))


def _confusion_table(name: str, title: str, found: Sequence[Confusion]) -> Table:
    lines = tuple((c.reference, c.hypothesis, c.count) for c in found)
    return Table(name, title, ("reference", "hypothesis", "count"), lines, tuple(c.rows for c in found))


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, DIGITS)
