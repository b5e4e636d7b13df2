"""The columns of an exported table, which an import reads back."""

from collections.abc import Mapping
from typing import Any

from qal.corpus.manifest import Row
from qal.json_text import json_text

FILE = "file_name"
COLUMNS: tuple[str, ...] = (
    FILE,
    "text",
    "language",
    "speaker",
    "split",
    "duration_s",
    "translation",
    "marks",
    "source",
)


def table_row(row: Row, file_name: str) -> Mapping[str, Any]:
    """Returns the values of a row by column; the marks are JSON, "" if there are none.

    All values but the duration are text, so that every reader finds the same types in every split."""
    return {
        FILE: file_name,
        "text": " ".join(row.text.split()),
        "language": row.language,
        "speaker": row.speaker,
        "split": row.split,
        "duration_s": float(row.duration_s),
        "translation": " ".join(row.translation.split()),
        "marks": json_text(row.marks, ensure_ascii=False) if row.marks else "",
        "source": row.source,
    }
