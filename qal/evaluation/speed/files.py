"""The files of a speed report: speed.json and speed.csv."""

from pathlib import Path

from pydantic import ValidationError

from qal.errors import EvaluationError
from qal.evaluation.speed.records import SpeedReport
from qal.evaluation.speed.table import speed_csv
from qal.storage import require_regular, storage_errors

JSON_FILE, CSV_FILE = "speed.json", "speed.csv"


def write_speed(folder: Path, report: SpeedReport) -> None:
    """Writes both files. Raises StorageError."""
    with storage_errors(f"the folder {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((CSV_FILE, speed_csv(report)), (JSON_FILE, report.model_dump_json(indent=2) + "\n")):
            partial = folder / f".{name}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)


def read_speed(folder: Path) -> SpeedReport:
    """Reads speed.json. Raises EvaluationError if it is missing or damaged."""
    path = folder / JSON_FILE
    try:
        return SpeedReport.model_validate_json(require_regular(path).read_bytes())
    except (OSError, ValidationError) as error:
        raise EvaluationError(f"{path}: missing or damaged; measure the speed again") from error
