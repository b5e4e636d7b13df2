"""Reads tables of times and texts that name no recording, such as those that Whisper's command line writes."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from qal.corpus.importers.listing import Role
from qal.corpus.importers.tables.columns import (
    MS_PER_S,
    WEAK_NAMES,
    Roles,
    column_key,
    find_roles,
    known_columns,
    seconds_of,
    text_of,
    value_of,
)
from qal.corpus.importers.tables.json_objects import JSON_SUFFIX, is_clip_json
from qal.corpus.importers.tables.reading import read_table
from qal.corpus.importers.tables.records import BadRecord, Table
from qal.corpus.importers.timed.cues import MAX_FILE_BYTES, Cue
from qal.errors import CorpusError, StorageError

CUE_TABLE_SUFFIXES = (".csv", ".tsv", ".json")
REQUIRED: Sequence[Role] = ("text", "start")
SPOKEN: Sequence[Role] = ("text", "speaker")
WHISPER_COLUMNS = ("start", "end", "text")  # of Whisper's .tsv, whose times are milliseconds


def is_cue_table(path: Path) -> bool:
    """True for a table with columns for start and text, and none for a file; a JSON object of one clip is none."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES or (path.suffix.lower() == JSON_SUFFIX and is_clip_json(path)):
            return False
        _opened(path)
    except (CorpusError, StorageError, OSError, csv.Error):
        return False
    return True


def read_cue_table(path: Path, language: str = "") -> list[Cue]:
    """Reads the cues of a table. Raises CorpusError if it is none, or a time in it cannot be read."""
    table, roles = _opened(path, language)
    cues = []
    for number, record in enumerate(table.records(), 1):
        place = f"{path.name}: {table.unit} {record.number}"
        if isinstance(record, BadRecord):
            raise CorpusError(f"{place} {record.reason}")
        try:
            start_s, end_s, duration_s = (_time(record.values, roles, role) for role in ("start", "end", "duration"))
        except ValueError as error:
            raise CorpusError(f"{place} has a time that is no number of seconds; correct it") from error
        if start_s is None:
            raise CorpusError(f"{place} has no start; add it")
        end_s = start_s + (duration_s or 0.0) if end_s is None else end_s
        text, speaker = (text_of(value_of(record.values, roles.get(role, ()))) or "" for role in SPOKEN)
        cues.append(Cue(number, start_s, end_s, text, speaker))
    if not cues:
        raise CorpusError(f"{path.name}: has no rows with times; write them again")
    is_whisper = path.suffix.lower() == ".tsv" and table.columns == WHISPER_COLUMNS
    if is_whisper and all(cue.start_s.is_integer() and cue.end_s.is_integer() for cue in cues):
        return [replace(cue, start_s=cue.start_s / MS_PER_S, end_s=cue.end_s / MS_PER_S) for cue in cues]
    return cues


def _opened(path: Path, language: str = "") -> tuple[Table, Roles]:
    """Raises CorpusError if the table has no columns for start and text, or one for a file."""
    table = read_table(path, known_columns(), language)
    roles = find_roles(path.name, table.columns, {}, REQUIRED)
    if any(column_key(column) not in WEAK_NAMES for column in roles.get("file", ())) or not (
        roles.get("end") or roles.get("duration")
    ):
        raise CorpusError(f"{path.name}: names recordings, or has no ends of cues; it is no table of cues")
    return table, roles


def _time(values: Mapping[str, Any], roles: Roles, role: Role) -> float | None:
    column = next((name for name in roles.get(role, ()) if name in values), None)
    return None if column is None else seconds_of(values[column], column)
