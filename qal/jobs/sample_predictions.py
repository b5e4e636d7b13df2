"""Sample predictions of each validation, read from samples.jsonl."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.jobs.metrics import LastAttempts
from qal.jobs.run import parse_row

MAX_BYTES = 16 * 1024 * 1024  # read from the end of the file: thousands of validations


@dataclass(frozen=True)
class SamplePrediction:
    """Reference and prediction of one validation example."""

    audio: str  # absolute path
    reference: str
    prediction: str
    language: str | None


@dataclass(frozen=True)
class ValidationSamples:
    """Sample predictions of one validation."""

    epoch: int
    step: int
    samples: tuple[SamplePrediction, ...]


def read_samples(path: Path, limit: int = MAX_BYTES) -> list[ValidationSamples]:
    """Reads the sample predictions, ordered by epoch.

    Epochs that a later attempt repeated, and torn lines, are ignored.

    Args:
        path: the run's samples.jsonl; a missing file has no samples.
        limit: number of bytes to read, from the end.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
            lines = file.read(limit).splitlines()
    except OSError:
        return []
    attempts = LastAttempts()
    for row in filter(None, map(parse_row, lines)):
        attempts.add(row)
    by_epoch = {row["epoch"]: _validation_samples(row) for row in attempts.rows}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _validation_samples(row: dict[str, Any]) -> ValidationSamples:
    samples = row.get("samples")
    items = [item for item in samples if isinstance(item, dict)] if isinstance(samples, list) else []
    predictions = (_sample_prediction({name: str(value or "") for name, value in item.items()}) for item in items)
    return ValidationSamples(row["epoch"], row["step"], tuple(predictions))


def _sample_prediction(item: dict[str, str]) -> SamplePrediction:
    return SamplePrediction(
        audio=item.get("audio", ""),
        reference=item.get("text", ""),
        prediction=item.get("heard", ""),
        language=item.get("language") or None,
    )
