"""The results of a benchmark, written to a file as they come, so that a run that is cut off loses nothing."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Value = float | int | bool | None
PARTIAL_SUFFIX = ".new"


@dataclass
class Results:
    """The object that a benchmark prints; `save` writes it atomically."""

    hardware: dict[str, Any]
    settings: dict[str, Any]
    file: Path | None = None
    figures: dict[str, Value] = field(default_factory=dict)
    reference: dict[str, Value] = field(default_factory=dict)
    bars: dict[str, dict[str, Value]] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)  # measurements for which there was no time, memory or data
    failed: dict[str, str] = field(default_factory=dict)  # part -> its error

    def put(self, figures: Mapping[str, Value], reference: Mapping[str, Value] | None = None) -> None:
        """Adds figures, and the reference's, and saves."""
        self.figures.update(figures)
        self.reference.update(reference or {})
        self.save()

    def skip(self, what: str) -> None:
        self.skipped.append(what)
        self.save()

    def bar_at_least(self, name: str, value: float, bar: float) -> None:
        self.bars[name] = {"value": value, "bar": bar, "met": value >= bar}

    def bar_at_most(self, name: str, value: float, bar: float) -> None:
        self.bars[name] = {"value": value, "bar": bar, "met": value <= bar}

    def as_dict(self) -> dict[str, Any]:
        return {
            "hardware": self.hardware,
            "settings": {**self.settings, "skipped": self.skipped, "failed": self.failed},
            "figures": self.figures,
            "reference": self.reference,
            "bars": self.bars,
        }

    def save(self) -> None:
        """Writes the object beside its file and renames it; does nothing without a file."""
        if self.file is None:
            return
        partial = self.file.with_name(self.file.name + PARTIAL_SUFFIX)
        partial.write_text(json.dumps(self.as_dict(), indent=1, ensure_ascii=False), encoding="utf-8")
        os.replace(partial, self.file)
