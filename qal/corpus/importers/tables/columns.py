"""Finds the columns of a table that hold the file, the text and so on, by their usual names or as the user chose."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from qal.corpus.importers.listing import Role
from qal.errors import CorpusError
from qal.text.languages import resolve_language

# The usual names, best first. Capitals, spaces and marks do not matter; a time may have a unit.
NAMES: Mapping[Role, tuple[str, ...]] = {
    "file": (
        *("file_name", "file", "audio", "path", "filename", "audio_file", "audio_filename", "audio_path"),
        *(
            "audio_filepath",
            "file_path",
            "filepath",
            "wav",
            "wav_path",
            "wav_file",
            "wav_filename",
            "clip",
            "clip_path",
        ),
        *("clip_name", "recording", "sound", "media", "mp3", "flac", "wav_filepath", "audiofile", "audio_name"),
        *("utterance_id", "utt_id", "clip_id", "audio_id", "file_id", "name", "id"),
    ),
    "text": (
        *("text", "sentence", "transcription", "transcript", "raw_transcription", "normalized_text", "orthographic"),
        *("text_normalized", "normalized_transcription", "utterance", "caption", "content", "target_text", "phrase"),
        *("prompt", "raw_text", "orthography", "sentence_text", "subtitle", "command"),
    ),
    "speaker": (
        *("speaker", "speaker_id", "client_id", "spk", "spk_id", "speaker_name", "speakerid", "reader", "reader_id"),
        *("user_id", "talker", "voice", "participant", "participant_id", "contributor"),
    ),
    "language": ("language", "lang", "locale", "language_code", "lang_code", "lang_id"),
    "translation": ("translation", "translation_en", "english"),
    "split": (),  # by its name and by its content: `given_splits.SplitColumn`
    "start": (
        *("start", "start_time", "onset", "offset", "begin", "begin_time", "start_offset", "time_start", "start_at"),
        *("from", "tmin", "xmin", "t_start", "time_begin"),
    ),
    "end": (
        *("end", "end_time", "stop", "finish", "stop_time", "finish_time", "end_offset", "time_end", "end_at", "to"),
        *("tmax", "xmax", "t_end", "offset"),
    ),
    "duration": ("duration", "length", "dur", "audio_duration"),
}
MESSAGE_NAMES = 4  # of the usual names, in a message
MAX_COLUMNS = 30  # of a table, in a message
MISSING = {"", "nan", "null", "<na>", "#n/a", "n/a"}
NULL_OF_PYTHON = "None"
TIMES: frozenset[Role] = frozenset({"start", "end", "duration"})  # roles whose columns may end with a unit
WEAK_NAMES = {"name", "id", "utterance_id", "utt_id", "clip_id", "audio_id", "file_id"}  # of other things, too
UNIT = re.compile(r"_(?:in_)?(?:s|secs?|seconds?|ms|msecs?|millis|milliseconds)$")
COUNTED = re.compile(r"_(?:in_)?(?:samples?|frames?)$")  # units whose rate the table does not state
BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[\W_]+")  # as in startMs, start (ms), start-ms
CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:[.,]\d+)?)")
MILLISECONDS = re.compile(r"_(?:ms|msecs?|millis|milliseconds)$")
MS_PER_S = 1000

Roles = Mapping[Role, tuple[str, ...]]  # the columns of a role, in the order in which they are looked up


def known_columns() -> set[str]:
    """Returns the usual names of all columns, as they are written in lower case."""
    return {name for names in NAMES.values() for name in names}


def names_recordings(columns: Sequence[str]) -> bool:
    """True if columns have usual names for both the file and the text."""
    keys = set(map(column_key, columns))
    return not keys.isdisjoint(NAMES["file"]) and not keys.isdisjoint(NAMES["text"])


class ColumnsError(CorpusError):
    """A table lacks a column. `columns` are those that it has."""

    def __init__(self, message: str, columns: Sequence[str]):
        super().__init__(message)
        self.columns = tuple(columns)


def find_roles(
    table: str, columns: Sequence[str], chosen: Mapping[Role, str], required: Sequence[Role], language: str = ""
) -> Roles:
    """Finds the columns for all roles.

    Args:
        table: name of the table, for the message.
        columns: its columns.
        chosen: columns that the user chose.
        required: roles without which the table cannot be used.
        language: code of the language; a column of its name holds the text.

    Raises:
        ColumnsError: a chosen column or a required one is missing, or times are counted in samples; it names the
            columns that there are."""
    by_key: dict[str, str] = {}
    for column in columns:
        by_key.setdefault(column_key(column), column)
    roles: dict[Role, tuple[str, ...]] = {}
    for role, names in NAMES.items():
        if column := chosen.get(role):
            if column not in columns and column_key(column) not in by_key:
                raise ColumnsError(f"{table}: has no column '{column}'; it has {_listed(columns)}", columns)
            roles[role] = (column if column in columns else by_key[column_key(column)],)
            continue
        taken = {found for found_columns in roles.values() for found in found_columns}
        wanted = _wanted(role, names, by_key, language)
        roles[role] = tuple(by_key[key] for key in wanted if by_key[key] not in {*chosen.values(), *taken})
    _require_seconds(table, roles, by_key)
    missing: list[Role] = [role for role in required if not roles[role]]
    if missing:
        raise _missing_columns(table, columns, missing)
    return {role: found for role, found in roles.items() if found}


def _wanted(role: Role, names: Sequence[str], by_key: Mapping[str, str], language: str) -> list[str]:
    """Returns the keys of the columns that may hold a role, best first."""
    named = [key for key in by_key if role == "text" and language and resolve_language(by_key[key]) == language]
    if role == "start" and "onset" in by_key:
        names = [name for name in names if name != "offset"]  # which is the end of a part then
    if role == "end" and "onset" not in by_key:
        names = [name for name in names if name != "offset"]
    if role not in TIMES:
        return [name for name in names if name in by_key] + named
    return [key for name in names for key in by_key if key == name or UNIT.sub("", key) == name]


def _require_seconds(table: str, roles: Mapping[Role, tuple[str, ...]], by_key: Mapping[str, str]) -> None:
    """Raises ColumnsError if the only starts are counted in samples: each row would get its whole recording."""
    counted = [key for key in by_key if COUNTED.search(key) and COUNTED.sub("", key) in NAMES["start"]]
    if counted and not roles["start"]:
        raise ColumnsError(
            f"{table}: its column '{by_key[counted[0]]}' counts samples or frames; write seconds in a column start",
            tuple(by_key.values()),
        )


def _missing_columns(table: str, columns: Sequence[str], missing: Sequence[Role]) -> CorpusError:
    wanted = " and ".join(f"the {role} ({', '.join(NAMES[role][:MESSAGE_NAMES])} …)" for role in missing)
    choice = ",".join(f"{role}=COLUMN" for role in missing)
    return ColumnsError(
        f"{table}: has no column for {wanted}; its columns are {_listed(columns)}. "
        f"Rename them accordingly, or choose with --columns {choice}",
        columns,
    )


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(f"'{column[:MAX_COLUMNS]}'" for column in columns[:MAX_COLUMNS])
    return f"{shown} …" if len(columns) > MAX_COLUMNS else shown


def column_key(column: str) -> str:
    """Returns what the spellings of a name have in common, such as start_ms for startMs and "Start (ms)"."""
    return BETWEEN_WORDS.sub("_", column).casefold().strip("_")


def value_of(values: Mapping[str, Any], columns: Sequence[str]) -> Any:
    """Returns the value of the first of the columns that the record has; None if it has none, or no value."""
    for column in columns:
        if column in values:
            return values[column]
    return None


def text_of(value: Any) -> str | None:
    """Returns a value as text, None if it is missing: empty, null or NaN."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        value = " ".join(value)
    text = str(value).strip()
    return None if text.casefold() in MISSING or text == NULL_OF_PYTHON else text


def seconds_of(value: Any, column: str) -> float | None:
    """Returns a time in seconds; None if it is missing.

    It is a number, also with a comma, or a clock time such as 1:02:03.5. Raises ValueError if it is neither."""
    text = text_of(value)
    if text is None:
        return None
    if clock := CLOCK.fullmatch(text):
        hours, minutes, seconds = clock.groups()
        return 3600 * int(hours or 0) + 60 * int(minutes) + float(seconds.replace(",", "."))
    number = float(text.replace(",", ".").removesuffix("s"))
    if not math.isfinite(number):
        raise ValueError(f"'{text}' is no time")
    return number / MS_PER_S if MILLISECONDS.search(column_key(column)) else number
