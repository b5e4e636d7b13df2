"""Turns the records of a table into candidates."""

import datetime
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from qal.corpus.importers.given_splits import folder_split, split_value
from qal.corpus.importers.listing import AudioBytes, AudioPiece, Candidate, ListingOptions, Problem
from qal.corpus.importers.tables.columns import Roles, seconds_of, text_of, value_of
from qal.corpus.importers.tables.locating import FileLocator
from qal.corpus.importers.tables.records import BadRecord, Record, Table
from qal.corpus.importers.tables.spoken_words import spoken_words
from qal.corpus.importers.timed.cue_text import unspoken_reason
from qal.corpus.split import parse_split
from qal.corpus.words import has_words
from qal.errors import CorpusError
from qal.text.languages import resolve_language

CHANGED_BY_EXCEL = (datetime.date, datetime.time, datetime.timedelta, bool)
CHANGED = "its text is a date, a time or a truth value ({}); format the column as text, and write it again"
NO_ENDS = "its column '{}' has starts, but there are no ends; add a column end or duration, in seconds"
UNKNOWN_LANGUAGE = "its table names the language '{}', which is unknown; the stated one is used"
MAX_QUOTED = 40


@dataclass(frozen=True)
class TableRows:
    """The rows of one table.

    Args:
        table: the table.
        roles: its columns.
        folder: the folder of the source.
        locator: finds its recordings.
        options: what the user states.
        labels: names of speakers with which its texts begin."""

    table: Table
    roles: Roles
    folder: Path
    locator: FileLocator
    options: ListingOptions
    labels: frozenset[str] = frozenset()

    def entries(self) -> Iterator[Candidate | Problem]:
        """Yields a candidate or a problem for each record."""
        name = self.table.inner(self.folder)
        self._require_ends()
        for record in self.table.records():
            sheet = f"sheet {record.sheet}, " if isinstance(record, Record) and record.sheet else ""
            place = f"{name}, {sheet}{self.table.unit} {record.number}"
            if isinstance(record, BadRecord):
                yield Problem(place, record.reason)
            else:
                yield self._candidate(record, place)

    def _require_ends(self) -> None:
        """Raises CorpusError if rows have a start above 0 and the table has no ends: the first would be whole."""
        if "start" not in self.roles or "end" in self.roles or "duration" in self.roles:
            return
        for record in self.table.records():
            with suppress(ValueError):  # a problem of its row
                if isinstance(record, Record) and (self._seconds(record.values, "start") or 0) > 0:
                    raise CorpusError(f"{self.table.path.name}: {NO_ENDS.format(self.roles['start'][0])}")

    def _candidate(self, record: Record, place: str) -> Candidate | Problem:
        audio = self._audio(record.values)
        if isinstance(audio, str):
            return Problem(place, audio)
        changed = value_of(record.values, self.roles.get("text", ()))
        if isinstance(changed, CHANGED_BY_EXCEL) and not self.options.no_text:
            return Problem(place, CHANGED.format(changed))
        text = self._text(record.values, "text")
        translation = self._text(record.values, "translation")
        if not self.options.no_text and text is None and translation is None:
            return Problem(place, self._missing_text(record.values))
        speaker = self._text(record.values, "speaker") or ""
        text_notes: tuple[str, ...] = ()
        if text is not None and not self.options.no_text:
            spoken = spoken_words(text, self.labels)
            if not spoken.text and has_words(text) and translation is None:
                return Problem(place, unspoken_reason(text), is_fault=False)
            text, text_notes, speaker = spoken.text, spoken.notes, speaker or spoken.speaker
        stated = self._text(record.values, "language")
        language = _language(stated, self.options.language)
        notes = (UNKNOWN_LANGUAGE.format(stated[:MAX_QUOTED]),) if stated and not language else ()
        return Candidate(
            audio=audio,
            text=text or "",
            language=language,
            speaker=speaker,
            translation=translation or "",
            split_name=self._split_name(record.values, audio),
            place=place,
            notes=(*record.notes, *notes, *text_notes),
        )

    def _text(self, values: Mapping[str, Any], role: Any) -> str | None:
        return text_of(value_of(values, self.roles.get(role, ())))

    def _missing_text(self, values: Mapping[str, Any]) -> str:
        columns = self.roles.get("text", ())
        if not any(column in values for column in columns):
            return "is too short: it has no text"
        value = value_of(values, columns)
        return f"its text is missing ({'null' if value is None else f'{value}' or 'empty'})"

    def _audio(self, values: Mapping[str, Any]) -> AudioPiece | AudioBytes | str:
        """Returns the recording of a record, or why there is none."""
        value = value_of(values, self.roles["file"])
        if isinstance(value, Mapping):  # the layout of the library datasets
            if isinstance(value.get("bytes"), bytes):
                return AudioBytes(text_of(value.get("path")) or f"{self.table.path.stem}-audio", value["bytes"])
            if value.get("array") is not None and not value.get("path"):
                return "holds samples instead of a file; write the path of a file, or the bytes of one"
            value = value.get("path") or value.get("src")
        if isinstance(value, bytes):
            return AudioBytes(f"{self.table.path.stem}-audio", value)
        name = text_of(value)
        if name is None:
            return "names no file"
        try:
            times = self._times(values)
        except ValueError:
            return "its start, end or duration is no number of seconds and no time such as 0:12.5"
        if isinstance(times, str):
            return times
        path = self.locator.find(name, self.table.path.parent)
        return path if isinstance(path, str) else AudioPiece(path, *times)

    def _times(self, values: Mapping[str, Any]) -> tuple[float, float | None] | str:
        """Returns the start and end of the part that a record names; a duration alone is that of the whole file."""
        start_s, end_s = self._seconds(values, "start"), self._seconds(values, "end")
        duration_s = self._seconds(values, "duration")
        if start_s is None:
            return (0.0, end_s) if end_s is not None else (0.0, None)
        if end_s is None and duration_s is not None:
            end_s = round(start_s + duration_s, 6)
        if end_s is None and start_s > 0:
            return f"starts at {start_s:g} s, but has no end and no duration"
        if end_s is not None and end_s <= start_s:
            return f"ends at {end_s:g} s, not after its start at {start_s:g} s"
        return start_s, end_s

    def _seconds(self, values: Mapping[str, Any], role: Any) -> float | None:
        for column in self.roles.get(role, ()):
            if column in values:
                return seconds_of(values[column], column)
        return None

    def _split_name(self, values: Mapping[str, Any], audio: AudioPiece | AudioBytes) -> str:
        columns = self.roles.get("split", ())
        if columns and (name := split_value(values, columns[0])):
            return name
        path = os.fspath(audio.path) if isinstance(audio, AudioPiece) else ""
        return _split_of_folder(os.path.dirname(path), self.folder) or _split_of_table(self.table.path.stem)


@lru_cache(maxsize=10_000)
def _split_of_folder(folder: str, source: Path) -> str:
    """Returns the folder between a source and its recordings that is named like a split, "" if there is none."""
    path = Path(folder, "file")
    return folder_split(path.relative_to(source)) if path.is_relative_to(source) else ""


@lru_cache
def _split_of_table(stem: str) -> str:
    return stem if parse_split(stem) else ""


def _language(value: str | None, stated: str) -> str:
    """Returns the code of a language such as en-US; "" if the value is no language and the user states one."""
    return resolve_language(value or "") or ("" if stated else value or "")
