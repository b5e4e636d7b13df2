"""The record of a live session on disk: live/<id>/captions.jsonl, one final caption per line.

A caption is on disk before it is sent to the page. Each line also has the settled sample of that moment, so that a
restarted server can resume the session."""

import os
import re
import secrets
import shutil
import time
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ValidationError

from qal.captions.final_captions import Caption
from qal.engine.words import Word
from qal.errors import OptionError
from qal.json_text import json_text
from qal.storage import storage_errors
from qal.text.subtitles import cue_fields

CAPTIONS_FILE = "captions.jsonl"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
SESSION_ID_BYTES = 18  # of randomness
SECONDS_PER_DAY = 24 * 3600


class StoredCaption(BaseModel, frozen=True, extra="ignore"):
    """A line of captions.jsonl. Samples before `settled_sample` need no more transcription."""

    index: int
    start_s: float
    end_s: float
    text: str
    words: list[Word] = []
    language: str | None = None
    settled_sample: int

    def caption(self) -> Caption:
        words, language = tuple(self.words), self.language
        return Caption(self.index, self.start_s, self.end_s, self.text, final=True, words=words, language=language)


def new_session_id() -> str:
    """Returns a random id. It also authorises: a client that has the id may resume the session."""
    return secrets.token_urlsafe(SESSION_ID_BYTES)


class SessionRecord:
    """The folder of one session. Raises OptionError for a malformed session id."""

    def __init__(self, live: Path, session_id: str):
        if not SESSION_ID.fullmatch(session_id):
            raise OptionError("the session id is not valid; reload the page")
        self.folder = live / session_id
        self.file = self.folder / CAPTIONS_FILE

    def exists(self) -> bool:
        return self.file.is_file()

    def create(self) -> None:
        """Creates the folder and the file where they are missing. Raises StorageError."""
        with storage_errors("the captions of this session"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.file.touch()

    def append(self, caption: Caption, settled_sample: int) -> None:
        """Appends a final caption and syncs the file to disk. Raises StorageError."""
        line = json_text(cue_fields(caption) | {"settled_sample": settled_sample}, ensure_ascii=False) + "\n"
        with storage_errors("the captions of this session"), self.file.open("a+b") as file:
            if file.tell() and not _ends_with_newline(file):
                file.write(b"\n")  # after a torn line of a killed process
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def stored_captions(self) -> list[StoredCaption]:
        """Returns the captions in the file; torn lines are ignored."""
        captions = []
        for line in self.file.read_bytes().splitlines():
            try:
                captions.append(StoredCaption.model_validate_json(line))
            except ValidationError:
                continue
        return captions


def _ends_with_newline(file) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def delete_old_sessions(live: Path, kept_days: float, active: Collection[str] = ()) -> int:
    """Deletes sessions that have not changed for `kept_days` and are not `active`; returns their number."""
    oldest_time = time.time() - SECONDS_PER_DAY * kept_days
    sessions = [f for f in live.glob("*/") if SESSION_ID.fullmatch(f.name) and f.name not in active]
    old = [f for f in sessions if _last_change(f) < oldest_time]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _last_change(folder: Path) -> float:
    return max((p.stat().st_mtime for p in folder.iterdir()), default=folder.stat().st_mtime)
