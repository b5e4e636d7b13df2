"""The reports of an evaluation as files for the browser."""

import base64
import io
import zipfile
from collections.abc import Mapping

from qal.errors import EvaluationError
from ui_components.app.studio import Studio
from ui_components.evaluate.report.files import report_files
from ui_components.evaluate.results import view
from ui_components.evaluate.results.examples import analysed

REPORT_TYPES = {"html": "text/html;charset=utf-8", "json": "application/json", "csv": "application/zip"}


def report_file(studio: Studio, opened: str, normaliser: str, form: str) -> dict[str, str]:
    """Returns a report as a file for the browser.

    Args:
        studio: the studio.
        opened: id of the evaluation.
        normaliser: identifier of the normaliser, STORED for that of the evaluation.
        form: "html", "json" or "csv"; the tables are a zip file."""
    evaluation, analysis = analysed(studio, opened, normaliser)
    if analysis is None:
        raise EvaluationError(view.NO_ROWS)
    files = report_files(evaluation, analysis, (form,))
    content = _zip(files) if form == "csv" else next(iter(files.values()))
    suffix = "tables.zip" if form == "csv" else form
    return {
        "name": f"{evaluation.id}.{suffix}",
        "base64": base64.b64encode(content).decode(),
        "type": REPORT_TYPES[form],
    }


def _zip(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()
