"""What was heard at each validation, as samples.jsonl says it. No torch here."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.jobs.metrics import LastAttempts
from qal.jobs.run import parsed_row

MAX_BYTES = 16 * 1024 * 1024  # read from the end: some thousand validations


@dataclass(frozen=True)
class Sample:
    audio: str  # absolute path
    text: str
    heard: str
    language: str | None


@dataclass(frozen=True)
class Heard:
    """One validation."""

    epoch: int
    step: int
    samples: tuple[Sample, ...]


def read_samples(path: Path, limit: int = MAX_BYTES) -> list[Heard]:
    """By epoch; of those that a resumed run did again only the last. Torn lines are ignored."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
            lines = file.read(limit).splitlines()
    except OSError:
        return []
    kept = LastAttempts()
    for row in filter(None, map(parsed_row, lines)):
        kept.add(row)
    by_epoch = {row["epoch"]: Heard(row["epoch"], row["step"], _samples(row.get("samples"))) for row in kept.rows}
    return [by_epoch[epoch] for epoch in sorted(by_epoch)]


def _samples(rows: Any) -> tuple[Sample, ...]:
    found = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return tuple(_sample({name: str(value or "") for name, value in row.items()}) for row in found)


def _sample(row: dict[str, str]) -> Sample:
    return Sample(row.get("audio", ""), row.get("text", ""), row.get("heard", ""), row.get("language") or None)
