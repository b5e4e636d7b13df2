"""The files of a live session beside its captions: the user and settings of its start, and the corrected texts.

    live/<id>/session.json  SessionInfo, written once, when the session is joined first
    live/<id>/edits.json    index of a caption -> its corrected text

The id of a session authorises. On a server with a login, the session is also for the user who started it only."""

import threading

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from qal.captions.record import INFO_FILE, SessionRecord, write_private
from qal.errors import OptionError, QalError
from qal.json_text import json_text

EDITS_FILE = "edits.json"
RECORD_NAME = "the record of this session"  # in error messages
MAX_TEXT_CHARACTERS = 4096  # of a corrected line
EDITS_ADAPTER = TypeAdapter(dict[int, str])
EDITS_LOCK = threading.Lock()  # a correction changes the file that holds all of a session


class SessionAccessError(QalError):
    """The session belongs to another user."""


class SessionInfo(BaseModel, frozen=True, extra="ignore"):
    """The user who started a session, the time, and the settings that a list of sessions shows."""

    user: str | None = Field(default=None, description="the logged-in user; None if the server had no login")
    started: float = Field(description="Unix time in seconds")
    model: str = ""
    task: str = "transcribe"
    group: str = Field(default="", description="the same for the sessions that caption the same audio side by side")
    place: int = Field(default=0, description="position in the group, from the left")


def read_info(record: SessionRecord) -> SessionInfo:
    """Returns the information of a session; if it has none, as those of earlier versions, only the time is known."""
    try:
        return SessionInfo.model_validate_json((record.folder / INFO_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return SessionInfo(started=record.folder.stat().st_mtime if record.folder.exists() else 0.0)


def add_info(record: SessionRecord, info: SessionInfo) -> None:
    """Writes the information of a session that has none yet. Raises StorageError."""
    file = record.folder / INFO_FILE
    if not file.exists():
        write_private(file, info.model_dump_json(), RECORD_NAME)


def require_reader(record: SessionRecord, user: str | None) -> None:
    """Raises SessionAccessError if the session belongs to a user other than the logged-in one."""
    owner = read_info(record).user
    if user is not None and owner is not None and owner != user:
        raise SessionAccessError("this session belongs to another user; press Clear to start one of your own")


def read_edits(record: SessionRecord) -> dict[int, str]:
    """Returns the corrected texts by the index of their caption; a damaged file counts as none."""
    try:
        return EDITS_ADAPTER.validate_json((record.folder / EDITS_FILE).read_bytes())
    except (FileNotFoundError, ValidationError):
        return {}


def edit_caption(record: SessionRecord, index: int, text: str) -> None:
    """Stores the corrected text of a final caption.

    Raises:
        OptionError: the session has no such caption.
        StorageError: the text cannot be written."""
    captions = record.stored_captions() if record.exists() else []
    spoken = next((caption.text for caption in captions if caption.index == index), None)
    if spoken is None:
        raise OptionError("this line is no longer on the server; download the captions to keep the correction")
    with EDITS_LOCK:
        edits = read_edits(record) | {index: text}
        content = json_text(dict(sorted(edits.items())), ensure_ascii=False)
        write_private(record.folder / EDITS_FILE, content, RECORD_NAME)
