"""The key of a transcript: the same for the same sound file, options and model, whatever their names are."""

import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from qal.audio.decode import no_check
from qal.engine.model_directory import METADATA_FILE, REQUIRED_FILES
from qal.errors import AudioDecodeError, ModelError
from qal.storage import require_regular, storage_errors
from qal.transcription.options import TranscriptionOptions

KEY_DIGITS = 32
CHUNK_BYTES = 1 << 22
NOT_OF_THE_TEXT = {"model": True, "longform": {"batch_size"}}  # options that decide no word


def content_hash(path: Path, check: Callable[[], object] = no_check) -> str:
    """Returns the sha256 of a file in hexadecimal; `check` is called often and may raise to stop.

    Raises AudioDecodeError if the file is missing or is not a regular file."""
    if not path.is_file():
        raise AudioDecodeError(f"{path}: there is no such file; check the path")
    digest = hashlib.sha256()
    with storage_errors(str(path)), require_regular(path).open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            check()
            digest.update(chunk)
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
    changed = options.model_dump(mode="json", exclude_defaults=True, exclude=NOT_OF_THE_TEXT)
    return _digest([content_sha256, _without_empty(changed), model])[:KEY_DIGITS]


def _without_empty(options: dict[str, Any]) -> dict[str, Any]:
    """Removes groups in which no option counts."""
    return {name: value for name, value in options.items() if value != {}}


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
