"""Reads files of transcripts of other systems: tables, JSON lines, CTM, STM, and subtitles.

CTM holds a word in each line, STM an utterance (NIST's sclite reads both); both name a recording and times:

    CTM    RECORDING CHANNEL START_S DURATION_S WORD [CONFIDENCE]
    STM    RECORDING CHANNEL SPEAKER START_S END_S [<LABEL>] WORDS …"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.corpus.importers.tables.columns import find_roles, known_columns, text_of
from qal.corpus.importers.tables.reading import TABLE_SUFFIXES, Table, read_table
from qal.corpus.importers.tables.records import BadRecord
from qal.corpus.importers.timed.cues import Cue, read_text_file
from qal.corpus.importers.timed.subtitles import read_srt, read_vtt
from qal.errors import CorpusError, EvaluationError
from qal.storage import storage_errors

TRANSCRIPT_COLUMNS = (  # before the columns of references, which the same table may hold
    *("hypothesis", "hyp", "prediction", "pred_text", "predicted_text", "pred", "predicted", "asr", "asr_text"),
    *("recognized", "recognised", "output", "transcript", "transcription"),
)
COMMENT = ";;"
ALTERNATIVES, ALTERNATIVE, ALTERNATIVES_END = "<ALT_BEGIN>", "<ALT>", "<ALT_END>"
NO_WORD = frozenset({"@", "<eps>", "ignore_time_segment_in_scoring"})
CTM_FIELDS, STM_FIELDS = 5, 5


@dataclass(frozen=True)
class Piece:
    """A transcript, or a part of one, and the name of what was transcribed."""

    name: str
    text: str
    start_s: float | None = None  # within the recording; None: of the whole
    end_s: float | None = None


@dataclass(frozen=True)
class TranscriptFile:
    """The content of a file of transcripts."""

    pieces: tuple[Piece, ...]
    notes: tuple[str, ...] = ()  # lines that could not be read


def is_transcript_file(path: Path) -> bool:
    """True for a file with the ending of a format that is read, and for a folder with such files of single examples."""
    if os.path.isdir(path):
        with storage_errors(str(path)):
            return any(child.suffix.lower() in SINGLE_SUFFIXES for child in path.iterdir())
    return path.suffix.lower() in SUFFIXES and os.path.isfile(path)


def single_files(folder: Path) -> list[Path]:
    """Returns the files of single examples in a folder and those below it, sorted."""
    found = (child for child in folder.rglob("*") if child.suffix.lower() in SINGLE_SUFFIXES)
    return sorted(child for child in found if not child.is_dir())


def read_transcripts(path: Path) -> TranscriptFile:
    """Reads a file of transcripts, or a folder with a subtitle or text file for each example.

    Raises EvaluationError if it cannot be read, or holds no transcript."""
    try:
        with storage_errors(str(path)):
            found = _read_folder(path) if path.is_dir() else READERS[path.suffix.lower()](path)
    except FileNotFoundError as error:
        raise EvaluationError(f"{path}: there is no such file; check the path") from error
    except (CorpusError, UnicodeError) as error:
        raise EvaluationError(f"transcripts cannot be read: {error}") from error
    if not found.pieces:
        problem = f"; {found.notes[0]}" if found.notes else ""
        raise EvaluationError(f"{path}: holds no transcripts{problem}; give a file with some")
    return found


def _read_folder(folder: Path) -> TranscriptFile:
    return TranscriptFile(tuple(_whole(file, folder) for file in single_files(folder)))


def _whole(file: Path, folder: Path) -> Piece:
    """Returns the whole text of a file, which is named as the example that it belongs to."""
    name = file.relative_to(folder).with_suffix("").as_posix()
    if file.suffix.lower() == ".txt":
        return Piece(name, clean(read_text_file(file)))
    return Piece(name, " ".join(clean(cue.text) for cue in SUBTITLES[file.suffix.lower()](file)))


def _read_subtitles(path: Path) -> TranscriptFile:
    """Reads the subtitles of one recording, which is named as the file."""
    cues = SUBTITLES[path.suffix.lower()](path)
    return TranscriptFile(tuple(Piece(path.stem, clean(cue.text), cue.start_s, cue.end_s) for cue in cues))


def _read_table(path: Path) -> TranscriptFile:
    table = read_table(path, {*known_columns(), *TRANSCRIPT_COLUMNS})
    file, text = find_columns(table)
    pieces, notes = [], []
    for record in table.records():
        if isinstance(record, BadRecord):
            notes.append(f"{table.unit} {record.number} {record.reason}")
        elif name := text_of(record.values.get(file)):
            pieces.append(Piece(name, transcript_of(record.values.get(text))))
        else:
            notes.append(f"{table.unit} {record.number} names no file")
    return TranscriptFile(tuple(pieces), tuple(notes))


def find_columns(table: Table) -> tuple[str, str]:
    """Returns the columns of the name and of the transcript. Raises CorpusError if there are none."""
    by_key = {column.strip().casefold().replace(" ", "_").replace("-", "_"): column for column in table.columns}
    text = next((by_key[name] for name in TRANSCRIPT_COLUMNS if name in by_key), None)
    roles = find_roles(table.path.name, table.columns, {"text": text} if text else {}, ())
    missing = [role for role in ("file", "text") if role not in roles]
    if missing:
        wanted = " and ".join("file_name" if role == "file" else "hypothesis" for role in missing)
        raise CorpusError(f"{table.path.name}: has no column {wanted}; it has {', '.join(table.columns)}")
    return roles["file"][0], roles["text"][0]


def transcript_of(value: Any) -> str:
    """Returns a transcript as text; null and NaN are an empty one, the word "nan" is a word."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, list | tuple):
        return " ".join(map(transcript_of, value))
    return clean(str(value))


def clean(text: str) -> str:
    """Returns the text on one line; what is no character becomes a question mark."""
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def _read_ctm(path: Path) -> TranscriptFile:
    return _from_lines(_numbered(path), _ctm_piece)


def _read_stm(path: Path) -> TranscriptFile:
    return _from_lines(_numbered(path), _stm_piece)


def _numbered(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the fields of each line; of alternatives, only the first is used."""
    skipping = False
    for number, line in enumerate(read_text_file(path).split("\n"), start=1):
        fields = line.split()
        if not fields or fields[0].startswith(COMMENT):
            continue
        if ALTERNATIVES in fields or ALTERNATIVES_END in fields:
            skipping = False
        elif ALTERNATIVE in fields:
            skipping = True
        elif not skipping:
            yield number, fields


def _from_lines(lines: Iterable[tuple[int, list[str]]], make: Callable[[list[str]], Piece | None]) -> TranscriptFile:
    pieces, notes = [], []
    for number, fields in lines:
        try:
            piece = make(fields)
        except ValueError as error:
            notes.append(f"line {number} {error}")
            continue
        pieces += [piece] if piece else []
    return TranscriptFile(tuple(sorted(pieces, key=lambda piece: (piece.name, piece.start_s))), tuple(notes))


def _ctm_piece(fields: list[str]) -> Piece | None:
    if len(fields) < CTM_FIELDS:
        raise ValueError("is no line of CTM: recording, channel, start, duration, word")
    name, _, start, duration, word = fields[:CTM_FIELDS]
    start_s = seconds(start)
    return Piece(name, "" if word in NO_WORD else clean(word), start_s, start_s + seconds(duration))


def _stm_piece(fields: list[str]) -> Piece | None:
    if len(fields) < STM_FIELDS:
        raise ValueError("is no line of STM: recording, channel, speaker, start, end, words")
    name, _, _, start, end, *words = fields
    if words and words[0].startswith("<") and words[0].endswith(">"):
        words = words[1:]
    spoken = [word for word in words if word.casefold() not in NO_WORD]
    return Piece(name, clean(" ".join(spoken)), seconds(start), seconds(end))


def seconds(text: str) -> float:
    """Returns a time of a line. Raises ValueError if it is none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"has '{text[:20]}' where seconds belong")
    return value


SUBTITLES: Mapping[str, Callable[[Path], list[Cue]]] = {".srt": read_srt, ".vtt": read_vtt}
READERS: Mapping[str, Callable[[Path], TranscriptFile]] = {
    **dict.fromkeys(TABLE_SUFFIXES, _read_table),
    **dict.fromkeys(SUBTITLES, _read_subtitles),
    ".ctm": _read_ctm,
    ".stm": _read_stm,
}
SUFFIXES = frozenset(READERS)
SINGLE_SUFFIXES = frozenset({*SUBTITLES, ".txt"})
