"""Remembers which entries of a source were converted, so that an interrupted import continues where it stopped."""

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qal.corpus.importers.listing import AudioBytes, Candidate
from qal.corpus.importers.staging import AUDIO_FOLDER
from qal.corpus.manifest import Row

JOURNAL_FILE = "journal.jsonl"


@dataclass(frozen=True)
class Converted:
    """A row whose audio file is in the staged folder."""

    row: Row
    size: int  # bytes of the audio file


def candidate_key(candidate: Candidate) -> tuple[str, int]:
    """Returns a key of a candidate and of its recording as it is now, another one when either changed.

    Also returns the size of the recording in bytes. Raises OSError if it cannot be read."""
    audio = candidate.audio
    content: Any
    if isinstance(audio, AudioBytes):
        size = len(audio.data)
        content = (audio.name, hashlib.sha256(audio.data).hexdigest())
    else:
        status = os.stat(audio.path)
        size = status.st_size
        content = (str(audio.path), audio.start_s, audio.end_s, audio.channel, status.st_size, status.st_mtime_ns)
    texts = (candidate.text, candidate.language, candidate.speaker, candidate.translation, candidate.notes)
    return hashlib.sha256(repr((content, texts)).encode(errors="surrogateescape")).hexdigest()[:32], size


class Journal:
    """The rows that were converted so far, by their keys. Threads may add to it.

    Args:
        folder: the folder of the journal.
        corpus: the staged folder; rows whose audio is missing or incomplete there are ignored."""

    def __init__(self, folder: Path, corpus: Path):
        self._path = folder / JOURNAL_FILE
        self._lock = threading.Lock()
        self.was_begun = self._path.exists()  # by an import that was interrupted
        self.rows: dict[str, Row] = dict(_read(self._path, corpus))
        self._file = self._path.open("ab")
        if self._file.tell() and not _ends_with_newline(self._path):  # the last line is torn
            self._file.write(b"\n")

    def add(self, key: str, converted: Converted) -> None:
        """Adds a row whose audio file is complete."""
        line = f'{{"key":"{key}","size":{converted.size},"row":{converted.row.model_dump_json()}}}\n'.encode()
        with self._lock:
            self._file.write(line)
            self._file.flush()

    def close(self) -> None:
        self._file.close()


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _read(path: Path, corpus: Path) -> Iterator[tuple[str, Row]]:
    """Yields the keys and rows whose audio is complete; lines that a kill left incomplete are skipped."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                entry = json.loads(line)
                row = Row.model_validate(entry["row"])
                key, size = str(entry["key"]), int(entry["size"])
            except (ValueError, KeyError, TypeError, ValidationError):
                continue
            audio = corpus / row.audio
            if audio.is_file() and audio.stat().st_size == size:
                yield key, row


def delete_unused_audio(corpus: Path, rows: Iterable[Row]) -> None:
    """Deletes files of the staged corpus that no row names, such as those of entries that the source no longer has."""
    used = {row.audio for row in rows}
    for folder, _, names in os.walk(corpus / AUDIO_FOLDER):
        for name in names:
            path = Path(folder, name)
            if path.relative_to(corpus).as_posix() not in used:
                path.unlink()
