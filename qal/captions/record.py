"""The record of a live session on disk: live/<id>/captions.jsonl, one final caption per line.

A caption is on disk before it is sent to the page. Each line also has the settled sample of that moment, so that a
restarted server can resume the session."""

import logging
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, ValidationError

from qal.captions.final_captions import Caption
from qal.engine.words import Word
from qal.errors import OptionError, StorageError
from qal.json_text import json_text
from qal.storage import storage_errors
from qal.text.subtitles.formats import cue_fields

CAPTIONS_FILE = "captions.jsonl"
INFO_FILE = "session.json"  # qal.captions.session_info
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
SESSION_ID_BYTES = 18  # of randomness
SECONDS_PER_DAY = 24 * 3600
LOG = logging.getLogger("qal")
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600  # what was spoken is for the account of the server only


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
            self.folder.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            self.folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
            self.file.touch(PRIVATE_FILE)

    def append(self, caption: Caption, settled_sample: int) -> None:
        """Appends a final caption and syncs the file to disk. Raises StorageError."""
        line = json_text(cue_fields(caption) | {"settled_sample": settled_sample}, ensure_ascii=False) + "\n"
        with storage_errors("the captions of this session"), self.file.open("a+b") as file:
            if file.tell() and not _ends_with_newline(file):
                file.write(b"\n")  # after a torn line of a killed process
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def delete(self) -> None:
        """Deletes the folder with everything in it. Raises StorageError."""
        with storage_errors("this session"):
            if self.folder.is_dir():
                shutil.rmtree(self.folder)

    def delete_empty(self) -> None:
        """Deletes the folder if nothing was said in the session."""
        with storage_errors("the captions of this session"):
            sizes = {path.name: path.stat().st_size for path in self.folder.glob("*")}
        if sizes.pop(CAPTIONS_FILE, None) == 0 and sizes.keys() <= {INFO_FILE}:
            self.delete()

    def stored_captions(self) -> list[StoredCaption]:
        """Returns the captions in the file; torn lines are ignored."""
        captions = []
        for line in self.file.read_bytes().splitlines():
            try:
                captions.append(StoredCaption.model_validate_json(line))
            except ValidationError:
                continue
        return captions


def session_folders(live: Path) -> list[Path]:
    """Returns the folders of the sessions in `live`; other folders in it are left out."""
    return [folder for folder in live.glob("*/") if SESSION_ID.fullmatch(folder.name)]


def write_private(file: Path, content: str, name: str) -> None:
    """Replaces a file of a session; it is private, and complete at any time.

    Raises StorageError, which says `name` where the error has no file name."""
    new = file.with_suffix(".new")
    with storage_errors(name):
        new.touch(PRIVATE_FILE)
        new.write_text(content, "utf-8")
        new.replace(file)


def make_private(live: Path) -> None:
    """Creates the folder of the sessions, and takes it and the sessions in it away from other accounts of the machine.

    Raises StorageError if that is not possible, or if the folder is a shared one, such as /tmp."""
    with storage_errors(str(live)):
        live.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        live = live.resolve()  # of a link, the folder that it names
        if live.stat().st_mode & stat.S_ISVTX:
            raise StorageError(f"{live} is shared by the accounts of this machine; choose another folder with --live")
        sessions = session_folders(live)
        for path in (live, *sessions, *(file for session in sessions for file in session.iterdir())):
            _take_from_others(path)


def _take_from_others(path: Path) -> None:
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077 and not stat.S_ISLNK(status.st_mode):
        path.chmod(mode & 0o700)


def _ends_with_newline(file) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def delete_old_sessions(live: Path, kept_days: float, active: Collection[str] = ()) -> int:
    """Deletes sessions that have not changed for `kept_days` and are not `active`; returns their number.

    Those that cannot be deleted are logged."""
    oldest_time = time.time() - SECONDS_PER_DAY * kept_days
    deleted, errors = 0, []
    for folder in [f for f in session_folders(live) if f.name not in active]:
        try:
            if _last_change(folder) < oldest_time:
                shutil.rmtree(folder)
                deleted += 1
        except OSError as error:  # the others are deleted nevertheless
            errors.append(error)
    if errors:
        LOG.warning("%d old sessions could not be deleted, the first one because of: %s", len(errors), errors[0])
    return deleted


def _last_change(folder: Path) -> float:
    return max((p.lstat().st_mtime for p in folder.iterdir()), default=folder.stat().st_mtime)
