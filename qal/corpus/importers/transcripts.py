"""Reads the transcripts of a folder of recordings.

They are in a table (metadata.csv, .tsv or .jsonl, as in the hub's "audiofolder" layout, also one in each subfolder)
or in one text file per recording: `name.txt` next to `name.wav`."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.given_splits import SplitColumn, folder_split, split_value
from qal.corpus.speakers import known_speaker
from qal.errors import CorpusError
from qal.storage import require_regular

TABLE_NAMES = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
TABLE_PATTERN = "metadata.csv/.tsv/.jsonl"  # for messages
FILE_COLUMNS = ("file_name", "file", "audio", "path")
TEXT_COLUMNS = ("text", "sentence", "transcription", "transcript")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id")
TRANSLATION_COLUMNS = ("translation", "translation_en", "english")  # into English, Whisper's only target language
MAX_QUOTED_CHARACTERS = 80  # of a table's first line, in a message


@dataclass(frozen=True)
class Recording:
    """An audio file and what is known about it before it is decoded."""

    path: Path
    text: str  # empty if there is no transcript
    speaker: str = ""
    translation: str = ""
    split_name: str = ""  # as the source spells it; empty if it names none
    skip_reason: str = ""  # why the recording cannot be used; empty if no reason is known yet


def list_audio(folder: Path) -> list[Recording]:
    """Lists every audio file of a folder and its subfolders, without text."""
    paths = [path for path in sorted(folder.rglob("*")) if _is_audio(path, folder)]
    return [Recording(path, "", split_name=folder_split(path.relative_to(folder))) for path in paths]


def list_transcribed(folder: Path) -> list[Recording]:
    """Lists the recordings of the tables or, if there is no table, every audio file with its text file.

    Raises CorpusError, which names the table and its line, if a table cannot be read."""
    tables = [path for path in sorted(folder.rglob("metadata.*")) if path.name in TABLE_NAMES and path.is_file()]
    if tables:
        return [recording for table in tables for recording in _read_table(table, folder)]
    return [_with_text_file(recording) for recording in list_audio(folder)]


def _is_audio(path: Path, folder: Path) -> bool:
    hidden = any(name.startswith(".") for name in path.relative_to(folder).parts)
    return path.suffix.lower() in AUDIO_SUFFIXES and not hidden and path.is_file()


def _with_text_file(recording: Recording) -> Recording:
    text_file = recording.path.with_suffix(".txt")
    if not text_file.is_file():
        return replace(recording, skip_reason=f"no transcript found (looked for {text_file.name} and {TABLE_PATTERN})")
    try:
        return replace(recording, text=" ".join(text_file.read_text(encoding="utf-8-sig").split()))
    except UnicodeDecodeError:
        return replace(recording, skip_reason=f"{text_file.name} is not UTF-8 text; save it as UTF-8")


def _read_table(table: Path, folder: Path) -> Iterator[Recording]:
    try:
        columns = SplitColumn(table, {*FILE_COLUMNS, *TEXT_COLUMNS, *SPEAKER_COLUMNS, *TRANSLATION_COLUMNS})
        for number, record in enumerate(_records(table), start=1):
            columns.feed(number, record)
        split_column = columns.name()
        for number, record in enumerate(_records(table), start=1):
            file, text = _first_value(record, FILE_COLUMNS), _first_value(record, TEXT_COLUMNS)
            if file is None or text is None:
                raise _missing_columns(table, number)
            translation = " ".join((_first_value(record, TRANSLATION_COLUMNS) or "").split())
            speaker = known_speaker(_first_value(record, SPEAKER_COLUMNS) or "")
            path = table.parent / file
            inner = path.relative_to(folder) if path.is_relative_to(folder) else Path()
            name = split_value(record, split_column) or folder_split(inner)
            yield Recording(path, " ".join(text.split()), speaker, translation, name)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise CorpusError(f"{table}: cannot be read ({error}); save it as UTF-8, one recording per line") from error


def _missing_columns(table: Path, number: int) -> CorpusError:
    """Returns the error for a record without a file or a text; it quotes the table's first line."""
    with require_regular(table).open(encoding="utf-8-sig") as file:
        first_line = file.readline().strip()
    is_semicolon_csv = table.suffix == ".csv" and ";" in first_line and "," not in first_line
    hint = " - is the separator a semicolon?" if is_semicolon_csv else ""
    return CorpusError(
        f"{table}: row {number} has no column for the file ({', '.join(FILE_COLUMNS)}) "
        f"or for the text ({', '.join(TEXT_COLUMNS)}). Rename the columns accordingly "
        f"(first line read: `{first_line[:MAX_QUOTED_CHARACTERS]}`{hint})"
    )


def _records(table: Path) -> Iterator[dict[str, Any]]:
    """Yields the table's rows by column, whose names are in lower case."""
    for record in _raw_records(table):
        yield {str(name).strip().lower(): value for name, value in record.items()}


def _raw_records(table: Path) -> Iterator[dict[str, Any]]:
    with require_regular(table).open(encoding="utf-8-sig", newline="") as file:
        if table.suffix == ".jsonl":
            for line in filter(str.strip, file):
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError(f"not an object: {line[:40].strip()}")
                yield record
        elif table.suffix == ".tsv":  # Common Voice's format, in which quotation marks have no special meaning
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        else:
            yield from csv.DictReader(file)


def _first_value(record: dict[str, Any], columns: tuple[str, ...]) -> str | None:
    return next((str(record[name]) for name in columns if record.get(name) is not None), None)
