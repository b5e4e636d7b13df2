"""JSON files beside recordings: the text of one clip, or the segments that a recogniser found in a long recording.

a.wav, a.json       {"text": "Come in.", "speaker": "Anna", "language": "en"}
talk.mp3, talk.json {"text": "…", "segments": [{"start": 0.5, "end": 2.0, "text": "Come in."}, …]}"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qal.corpus.importers.listing import ListingOptions, Role
from qal.corpus.importers.tables.columns import MS_PER_S, find_roles, text_of, value_of
from qal.corpus.importers.tables.text_encoding import read_text
from qal.errors import CorpusError, StorageError
from qal.text.languages import resolve_language

JSON_SUFFIX = ".json"
MAX_OBJECT_BYTES = 64 << 20  # of a file beside a recording
MAX_NAMED = 8  # fields in a message
NOT_JSON = "{} is not JSON; save it again, with a field text"
NO_TEXT = "{} has no text; it has {}: name one of them text"
EMPTY = "{} has no text; write it into a field text"


def recognised_segments(value: Any) -> list[Any] | None:
    """Returns the segments of a recogniser's result, with start and end in seconds; None for anything else.

    Whisper, WhisperX and OpenAI's verbose_json list them as `segments`, beside lists of words; whisper.cpp as
    `transcription`, with offsets in milliseconds."""
    if not isinstance(value, Mapping):
        return None
    segments = value.get("segments")
    if isinstance(segments, list) and segments and all(isinstance(segment, Mapping) for segment in segments):
        return segments if "start" in segments[0] and "text" in segments[0] else None
    pieces = value.get("transcription")
    if isinstance(pieces, list) and pieces and all(map(_has_offsets, pieces)):
        return [_in_seconds(piece) for piece in pieces]
    return None


def _has_offsets(piece: Any) -> bool:
    offsets = piece.get("offsets") if isinstance(piece, Mapping) else None
    return isinstance(offsets, Mapping) and all(isinstance(offsets.get(name), (int, float)) for name in ("from", "to"))


def _in_seconds(piece: Mapping[str, Any]) -> dict[str, Any]:
    offsets = piece["offsets"]
    return {"start": offsets["from"] / MS_PER_S, "end": offsets["to"] / MS_PER_S, "text": piece.get("text")}


def is_clip_json(path: Path) -> bool:
    """True if a JSON file is one object with a text, and no result with times, so that it describes one clip."""
    try:
        value = _read_object(path)
        return value is not None and recognised_segments(value) is None and "text" in _roles(path, value)
    except (CorpusError, StorageError, OSError, ValueError, RecursionError):
        return False


def recognised_language(path: Path) -> str:
    """Returns the code of the language that a recogniser's result states; "" if it states none."""
    try:
        value = _read_object(path) or {}
    except (CorpusError, StorageError, OSError, ValueError, RecursionError):
        return ""
    result = value.get("result")
    stated = value.get("language") or (result.get("language") if isinstance(result, Mapping) else "")
    return (resolve_language(stated) or "") if isinstance(stated, str) else ""


def read_clip_json(path: Path, options: ListingOptions) -> dict[str, str]:
    """Returns the text of a clip and its speaker, language, translation and split, by their roles; "" where unknown.

    Args:
        path: the JSON file.
        options: what the user states; columns that the user chose are names of fields.

    Raises:
        CorpusError: it is not JSON, or has no text; it names the fields that there are."""
    try:
        value = _read_object(path, options.language)
    except (ValueError, RecursionError) as error:
        raise CorpusError(NOT_JSON.format(path.name)) from error
    if not value:
        raise CorpusError(EMPTY.format(path.name))
    roles = _roles(path, value, options)
    texts: dict[str, str] = {role: text_of(_plain(value_of(value, names))) or "" for role, names in roles.items()}
    if not roles.get("text") and not texts.get("translation"):
        raise CorpusError(NO_TEXT.format(path.name, ", ".join(map(str, list(value)[:MAX_NAMED]))))
    if not texts.get("text") and not texts.get("translation"):
        raise CorpusError(EMPTY.format(path.name))
    language = texts.get("language", "")
    split = next((str(value[name]) for name in value if str(name).lower() in ("split", "subset", "partition")), "")
    return {**texts, "language": resolve_language(language) or ("" if options.language else language), "split": split}


def _plain(value: Any) -> Any:
    """Returns a value that may be a text; None for objects."""
    return None if isinstance(value, (Mapping, bool)) else value


def _roles(path: Path, value: Mapping[str, Any], options: ListingOptions | None = None) -> Mapping[Role, Any]:
    chosen = options.columns if options else {}
    return find_roles(path.name, list(map(str, value)), chosen, [], options.language if options else "")


def _read_object(path: Path, language: str = "") -> dict[str, Any] | None:
    """Returns the only object of a file; None if it holds something else, or is larger than such an object.

    Raises ValueError or RecursionError if it is not JSON."""
    if path.stat().st_size > MAX_OBJECT_BYTES:
        return None
    value = json.loads(read_text(path, language))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, dict) else None
