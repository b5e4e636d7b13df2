"""The key of a transcript: the same for the same sound file, options and model, whatever their names are."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from qal.audio.decode import no_check
from qal.engine.model_directory import METADATA_FILE, REQUIRED_FILES
from qal.errors import AudioDecodeError, ModelError
from qal.storage import require_regular, storage_errors
from qal.transcription.options import TranscriptionOptions

KEY_DIGITS = 32
CHUNK_BYTES = 1 << 22
NOT_OF_THE_TEXT = {"model": True, "longform": {"batch_size"}}  # options that decide no word


class FileVersion(NamedTuple):
    """The size and the modification time of a file, by which a change is seen."""

    size: int
    modified_ns: int


def file_version(path: Path) -> FileVersion | None:
    """Returns the version of a file; None if it is missing or cannot be accessed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return FileVersion(status.st_size, status.st_mtime_ns)


def content_hash(path: Path, check: Callable[[], object] = no_check) -> str:
    """Returns the sha256 of a file in hexadecimal; `check` is called often and may raise to stop.

    Raises AudioDecodeError if the file is missing, is not a regular file or cannot be read, and StorageError."""
    if not path.is_file():
        problem = "is a folder, a pipe or a device; give an audio or video file"
        raise AudioDecodeError(f"{path}: {problem if path.exists() else 'there is no such file; check the path'}")
    digest = hashlib.sha256()
    try:
        with storage_errors(str(path)), require_regular(path).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                check()
                digest.update(chunk)
    except OSError as error:  # it was deleted meanwhile, or its disk is damaged or gone
        raise AudioDecodeError(f"{path}: cannot be read ({error.strerror}); check the file and its disk") from error
    return digest.hexdigest()


def model_identity(directory: Path, compute_type: str = "") -> str:
    """Returns a hash of a model directory's files and of the precision; a copy of the directory has the same.

    Raises ModelError if a file of it cannot be read."""
    try:
        files = [_file_identity(directory / name) for name in (*REQUIRED_FILES, METADATA_FILE)]
    except OSError as error:
        raise ModelError(f"{directory}: the model's files cannot be read; download or export it again") from error
    return _digest([*files, compute_type])


def engine_identity(engine: Any) -> str:
    """Returns the identity of a loaded engine: of its directory and its precision."""
    return model_identity(engine.directory, engine.compute_type)


def transcript_key(content_sha256: str, options: TranscriptionOptions, model: str) -> str:
    """Returns the key of a transcript.

    Args:
        content_sha256: of the file.
        options: of the transcription; those with their default value do not count, so that options which are added
            later change no key.
        model: identity of the model.
    """
    values, defaults = (
        found.model_dump(mode="json", exclude=NOT_OF_THE_TEXT) for found in (options, TranscriptionOptions(model=""))
    )
    return _digest([content_sha256, _differences(values, defaults), model])[:KEY_DIGITS]


def _differences(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that differ from the defaults, and the groups that have such options.

    Pydantic's `exclude_defaults` compares with the defaults of a group's own class, which are others here."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        changed = _differences(value, defaults[name]) if isinstance(value, dict) else value
        if changed != ({} if isinstance(value, dict) else defaults[name]):
            found[name] = changed
    return found


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _file_identity(path: Path) -> str:
    """Returns the hash of a file; "" of a missing one."""
    if not path.exists():
        return ""
    status = path.stat()
    return _hash_of(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _hash_of(path: Path, size: int, modified_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
