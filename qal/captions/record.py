"""What a live session leaves on disk: live/<id>/captions.jsonl, a final caption a line, before it is on screen.

A line also says how far the stream was settled then, so that a restarted server knows where to go on."""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ValidationError

from qal.captions.session import Caption
from qal.engine.words import Word
from qal.errors import OptionError
from qal.storage import storage_errors

CAPTIONS = "captions.jsonl"
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")


class Line(BaseModel, frozen=True, extra="ignore"):
    """A line of captions.jsonl."""

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


def new_id() -> str:
    """Nobody can guess it: who knows it may go on with the session."""
    return secrets.token_urlsafe(18)


class Record:
    """One session's folder."""

    def __init__(self, live: Path, session: str):
        if not SESSION_ID.fullmatch(session):
            raise OptionError("that is no session's name; reload the page")
        self.folder = live / session
        self.file = self.folder / CAPTIONS

    def exists(self) -> bool:
        return self.file.is_file()

    def begin(self) -> None:
        with storage_errors("the captions of this session"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.file.touch()

    def append(self, caption: Caption, settled_sample: int) -> None:
        """On disk when this returns."""
        line = json.dumps(asdict(caption) | {"settled_sample": settled_sample}, ensure_ascii=False) + "\n"
        with storage_errors("the captions of this session"), self.file.open("a+b") as file:
            if file.tell() and not _ends_whole(file):
                file.write(b"\n")  # an earlier kill left half a line
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def lines(self) -> list[Line]:
        """The captions so far; half a line that a kill left is no caption."""
        found = []
        for line in self.file.read_bytes().splitlines():
            try:
                found.append(Line.model_validate_json(line))
            except ValidationError:
                continue
        return found


def _ends_whole(file) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def sweep(live: Path, kept_days: float, spared: Collection[str] = ()) -> int:
    """Deletes the sessions, but those `spared`, that nobody has spoken into for so long; -> how many."""
    limit = time.time() - 24 * 3600 * kept_days
    sessions = [f for f in live.glob("*/") if SESSION_ID.fullmatch(f.name) and f.name not in spared]
    old = [f for f in sessions if _last_change(f) < limit]
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    return len(old)


def _last_change(folder: Path) -> float:
    return max((p.stat().st_mtime for p in folder.iterdir()), default=folder.stat().st_mtime)
