"""The reports of an evaluation as files.

DIR/report.html    a page that needs no other file and no network
DIR/report.json    all figures and tables
DIR/report.png     one picture
DIR/tables/*.csv   each table, with the lines of rows.jsonl that its figures come from"""

from pathlib import Path

from qal.errors import OptionError
from qal.evaluation.errors.analysis import ErrorAnalysis, analyse
from qal.evaluation.errors.tables import Cell, Table, all_tables, csv_text
from qal.evaluation.records import Evaluation, read_evaluation, read_rows
from qal.json_text import json_text
from qal.storage import storage_errors
from qal.text.normalisation.registry import find_normaliser
from ui_components.evaluate.report.page import report_page
from ui_components.evaluate.report.png import report_png

FORMATS = ("html", "json", "csv", "png")
TABLES_FOLDER = "tables"


def write_report(
    folder: Path,
    target: Path,
    normaliser: str | None = None,
    formats: tuple[str, ...] = FORMATS,
    with_phonemes: bool = True,
) -> list[Path]:
    """Writes the reports of an evaluation and returns their files.

    Args:
        folder: of the evaluation.
        target: folder of the reports, made if it is missing; files of an earlier report are replaced.
        normaliser: its name; None: that of the evaluation.
        formats: some of FORMATS.
        with_phonemes: compare pronunciations, too.

    Raises:
        EvaluationError: the evaluation is missing, damaged or empty.
        OptionError: there is no such normaliser or format.
        StorageError: the files cannot be written.
    """
    for name in formats:
        if name not in FORMATS:
            raise OptionError(f"there is no format '{name}'; choose some of {', '.join(FORMATS)}")
    evaluation = read_evaluation(folder)
    analysis = analyse(read_rows(folder), find_normaliser(normaliser or evaluation.normaliser), with_phonemes)
    return write_files(target, report_files(evaluation, analysis, formats))


def report_files(evaluation: Evaluation, analysis: ErrorAnalysis, formats: tuple[str, ...]) -> dict[str, bytes]:
    """Returns the content of each file by its path in the report's folder."""
    files: dict[str, bytes] = {}
    if "html" in formats:
        files["report.html"] = report_page(evaluation, analysis).encode()
    if "json" in formats:
        files["report.json"] = json_text(report_json(evaluation, analysis)).encode()
    if "png" in formats:
        files["report.png"] = report_png(evaluation, analysis)
    if "csv" in formats:
        files |= {f"{TABLES_FOLDER}/{table.name}.csv": csv_text(table).encode() for table in all_tables(analysis)}
    return files


def report_json(evaluation: Evaluation, analysis: ErrorAnalysis) -> dict[str, object]:
    """Returns the evaluation with its figures and all tables, as plain values."""
    return {
        "evaluation": evaluation.model_dump(),
        "normaliser": analysis.normaliser.id,
        "figures": analysis.figures.model_dump(),
        "phonemes_problem": analysis.phonemes_problem,
        "tables": {table.name: _table_json(table) for table in all_tables(analysis)},
    }


def write_files(target: Path, files: dict[str, bytes]) -> list[Path]:
    """Writes files into a folder. Raises StorageError."""
    with storage_errors(f"the report {target}"):
        for name, content in files.items():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
    return [target / name for name in files]


def _table_json(table: Table) -> list[dict[str, Cell | list[int]]]:
    """Returns a table as one object for each line; `rows` are lines of rows.jsonl, from 1."""
    return [
        {**dict(zip(table.columns, line, strict=True)), "rows": [row + 1 for row in sources]}
        for line, sources in zip(table.lines, table.sources, strict=True)
    ]
