"""What a folder of recordings holds: which file says what.

Either a table (metadata.csv, .tsv or .jsonl, as in the hub's "audiofolder" layout, also one in each
sub-folder), or `name.wav` with `name.txt` beside it."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.errors import CorpusError

AUDIO_SUFFIXES = {
    *(".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".m4a", ".aac", ".wma", ".webm", ".mp4"),
    *(".g722", ".gsm"),  # of telephones
}
TABLES = ("metadata.csv", "metadata.tsv", "metadata.jsonl")
FILE_COLUMNS = ("file_name", "file", "audio", "path")
TEXT_COLUMNS = ("text", "sentence", "transcription", "transcript")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id")
TRANSLATION_COLUMNS = ("translation", "translation_en", "english")  # into English, the one Whisper translates to


@dataclass(frozen=True)
class Recording:
    path: Path
    text: str  # empty: nobody wrote it down
    speaker: str = ""
    translation: str = ""
    fault: str = ""  # why it cannot be used, where that shows already


def list_audio(folder: Path) -> list[Recording]:
    """Every audio file, without text."""
    return [Recording(path, "") for path in sorted(folder.rglob("*")) if _is_audio(path, folder)]


def list_transcribed(folder: Path) -> list[Recording]:
    """What the tables list, or, where there is no table, every audio file with the text beside it.

    Raises CorpusError that names the table, and its line, when one cannot be read."""
    tables = [path for path in sorted(folder.rglob("metadata.*")) if path.name in TABLES and path.is_file()]
    if tables:
        return [recording for table in tables for recording in _read_table(table)]
    return [_with_text_beside(recording.path) for recording in list_audio(folder)]


def _is_audio(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in AUDIO_SUFFIXES and not hidden and path.is_file()


def _with_text_beside(audio: Path) -> Recording:
    text = audio.with_suffix(".txt")
    try:
        return Recording(audio, " ".join(text.read_text(encoding="utf-8-sig").split()) if text.is_file() else "")
    except UnicodeDecodeError:
        return Recording(audio, "", fault=f"{text.name} is not UTF-8 text; save it as UTF-8")


def _read_table(table: Path) -> Iterator[Recording]:
    try:
        for number, values in enumerate(_lines(table), start=1):
            row = {str(name).strip().lower(): value for name, value in values.items()}
            file, text = _first(row, FILE_COLUMNS), _first(row, TEXT_COLUMNS)
            if file is None or text is None:
                raise CorpusError(
                    f"{table}: row {number} lacks a column for the file ({', '.join(FILE_COLUMNS)}) "
                    f"or the text ({', '.join(TEXT_COLUMNS)}); name the columns so"
                )
            translation = " ".join((_first(row, TRANSLATION_COLUMNS) or "").split())
            speaker = _first(row, SPEAKER_COLUMNS) or ""
            yield Recording(table.parent / file, " ".join(text.split()), speaker, translation)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise CorpusError(f"{table}: cannot be read ({error}); save it as UTF-8, a line an utterance") from error


def _lines(table: Path) -> Iterator[dict[str, Any]]:
    with table.open(encoding="utf-8-sig", newline="") as file:
        if table.suffix == ".jsonl":
            for line in filter(str.strip, file):
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"not an object: {line[:40].strip()}")
                yield row
        elif table.suffix == ".tsv":  # as Common Voice writes it: a quotation mark is only itself
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        else:
            yield from csv.DictReader(file)


def _first(row: dict[str, Any], columns: tuple[str, ...]) -> str | None:
    return next((str(row[name]) for name in columns if row.get(name) is not None), None)
