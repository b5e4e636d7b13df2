"""Makes candidates of the rows of a data set with an Audio column, from files or from the hub."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from qal.corpus.importers.hugging_face.column_names import FALLBACKS
from qal.corpus.importers.layouts.source_folder import NO_TEXT, NO_TEXT_VALUES, SourceFolder
from qal.corpus.importers.listing import AudioBytes, Candidate, Problem, Role
from qal.corpus.speakers import known_speaker
from qal.text.languages import resolve_language

MAX_AUDIO_BYTES = 500_000_000  # of one recording that is stored in a table
NO_AUDIO = "holds no recording"


@dataclass(frozen=True)
class TableRow:
    """A row of a data set."""

    place: str
    name: str  # for a recording that has none
    values: Mapping[str, Any]
    split: str


@dataclass(frozen=True)
class AudioColumn:
    """The columns of the roles, and the features that the data set describes."""

    roles: Mapping[Role, str]
    features: Mapping[str, Any]

    def text(self, values: Mapping[str, Any], role: Role) -> str:
        """Returns the value of a role as text; the number of a class becomes its name."""
        column = self.roles.get(role)
        if column is None:
            return ""
        value = values.get(column)
        if value in (None, "") and column in FALLBACKS:
            value = values.get(FALLBACKS[column])
        names = self.names(column)
        if names and isinstance(value, int) and 0 <= value < len(names):
            value = names[value]
        return "" if value is None else " ".join(str(value).split())

    def names(self, column: str) -> Sequence[str]:
        feature = self.features.get(column)
        names = feature.get("names") if isinstance(feature, dict) else None
        return names if isinstance(names, list) else ()


def row_entry(
    row: TableRow, column: AudioColumn, no_text: bool, source: SourceFolder | None = None, base: Path = Path()
) -> Candidate | Problem:
    """Makes a candidate of a row, or a problem if its recording or its text is missing.

    Args:
        row: the row.
        column: its columns.
        no_text: True if the audio alone is imported.
        source: the imported folder; None: recordings that are not stored in the row are problems.
        base: the folder that the paths of recordings start from."""
    audio = row.values.get(column.roles["file"])
    data, path = (audio.get("bytes"), audio.get("path")) if isinstance(audio, dict) else (audio, None)
    if isinstance(data, str):
        data, path = None, data
    details = _details(row, column)
    text = column.text(row.values, "text")
    if not isinstance(data, bytes | bytearray):
        if source is None or not isinstance(path, str):
            return Problem(row.place, NO_AUDIO)
        return source.candidate(row.place, path, text, base, **details)
    if not data or len(data) > MAX_AUDIO_BYTES:
        return Problem(row.place, f"{NO_AUDIO} or a too large one ({len(data):,} bytes)")
    if text in NO_TEXT_VALUES and not details["translation"] and not no_text:
        return Problem(row.place, NO_TEXT)
    name = _name(str(path or "")) or row.name
    return Candidate(AudioBytes(name, bytes(data)), "" if no_text else text, place=row.place, **details)


def _name(path: str) -> str:
    """Returns a relative path as it is; of an absolute one or an address the last part, "" for a placeholder."""
    posix = PurePosixPath(path.replace("\\", "/"))
    return posix.name if posix.is_absolute() or ":" in path else str(posix) if posix.name else ""


def _details(row: TableRow, column: AudioColumn) -> dict[str, Any]:
    marks = row.values.get("marks")
    return {
        "language": resolve_language(column.text(row.values, "language")) or "",
        "speaker": known_speaker(column.text(row.values, "speaker")),
        "translation": column.text(row.values, "translation"),
        "split_name": column.text(row.values, "split") or row.split,
        "marks": tuple(map(str, parsed_marks(marks))),
    }


def parsed_marks(marks: object) -> Sequence[object]:
    """Returns the marks of a cell: a list, or its JSON text."""
    if isinstance(marks, str):
        try:
            marks = json.loads(marks) if marks else []
        except ValueError:
            marks = [marks]
    return marks if isinstance(marks, list) else ()
