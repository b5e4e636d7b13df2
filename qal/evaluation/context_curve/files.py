"""The files of a context curve: context.json with the figures, and rows.jsonl with every transcript behind them."""

from pathlib import Path

from pydantic import ValidationError

from qal.errors import EvaluationError
from qal.evaluation.context_curve.measure import Transcribed
from qal.evaluation.context_curve.records import ContextCurve
from qal.evaluation.records import ROWS_FILE
from qal.storage import require_regular, storage_errors

CURVE_FILE = "context.json"


def write_curve(folder: Path, curve: ContextCurve, transcribed: Transcribed) -> None:
    """Writes the figures and the transcripts. Raises StorageError."""
    rows = [row.model_dump_json() for result in transcribed.results for row in result.rows]
    with storage_errors(f"the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((ROWS_FILE, "\n".join(rows)), (CURVE_FILE, curve.model_dump_json(indent=2))):
            partial = folder / f".{name}.partial"
            partial.write_text(text + "\n", encoding="utf-8")
            partial.replace(folder / name)


def read_curve(folder: Path) -> ContextCurve:
    """Reads context.json. Raises EvaluationError if it is missing or damaged."""
    path = folder / CURVE_FILE
    try:
        return ContextCurve.model_validate_json(require_regular(path).read_bytes())
    except (OSError, ValidationError) as error:
        raise EvaluationError(f"{path}: missing or damaged; measure the context again") from error
