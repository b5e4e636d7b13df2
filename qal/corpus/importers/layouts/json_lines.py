"""Reads manifests of one JSON object a line, also compressed."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.corpus.importers.given_splits import folder_split
from qal.corpus.importers.layouts.lines import first_line, read_lines
from qal.corpus.importers.layouts.source_folder import SourceFolder
from qal.corpus.importers.listing import Problem
from qal.corpus.split import parse_split

WORDS = re.compile(r"[_.]")  # between the words of a file's name: `train-clean-100` is one word


@dataclass(frozen=True)
class JsonLine:
    """One object of a manifest."""

    place: str
    values: Mapping[str, Any]


def read_json_lines(source: SourceFolder, path: Path) -> Iterator[JsonLine | Problem]:
    """Yields the objects of a manifest; a line that is none is a problem."""
    for line in read_lines(source, path):
        if isinstance(line, Problem):
            yield line
            continue
        values = _parsed(line.text)
        yield Problem(line.place, "is not a JSON object") if values is None else JsonLine(line.place, values)


def first_object(path: Path) -> Mapping[str, Any]:
    """Returns the first object of a manifest, {} if its first line is none."""
    return _parsed(first_line(path)) or {}


def split_of_file(path: Path, root: Path) -> str:
    """Returns the word of a file's name that names a split, else such a folder; "" if there is none."""
    words = [word for word in WORDS.split(path.name) if parse_split(word)]
    return words[-1] if words else folder_split(path.relative_to(root))


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None
