"""POST /qal/sessions/...: lists, reads, corrects and deletes the recorded sessions of the Live page.

The id of a session authorises, and is therefore sent in the body, not in the address, which ends up in logs. On a
server with a login, a session is for its user only. Everything is read from disk, so that it also works after a
restart of the server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field
from starlette.routing import Route

from qal.api.access import Allowed, UserOf, no_user
from qal.api.json_route import json_route
from qal.api.live_hub import LiveHub
from qal.audio.samples import SAMPLE_RATE
from qal.captions.protocol import MAX_SAMPLE_INDEX
from qal.captions.record import SESSION_ID, SessionRecord, StoredCaption, session_folders
from qal.captions.saved_audio import SampleRange, SavedAudio
from qal.captions.session_info import MAX_TEXT_CHARACTERS, edit_caption, read_edits, read_info, require_reader
from qal.errors import OptionError
from qal.text.subtitles.formats import cue_fields

PATH = "/qal/sessions"
MAX_LISTED = 50  # the latest sessions of a user
MAX_KNOWN = 200  # ids that a browser may send
MAX_LIST_BYTES = 32 << 10
MAX_PREVIEW_CHARACTERS = 80
DELETED = "this session was deleted from the server"
LOG = logging.getLogger("qal")


class ListRequest(BaseModel, frozen=True, extra="forbid"):
    """Asks for the sessions of the user, and for those whose ids the browser has."""

    sessions: list[str] = Field(default=[], max_length=MAX_KNOWN)


class SessionRequest(BaseModel, frozen=True, extra="forbid"):
    session: str = Field(max_length=64)


class EditRequest(SessionRequest, frozen=True):
    """Stores the text of a corrected line."""

    index: int = Field(ge=0, le=MAX_SAMPLE_INDEX)
    text: str = Field(max_length=MAX_TEXT_CHARACTERS)


class SessionSummary(BaseModel, frozen=True):
    """A session in the list: how it was started, and the size and the beginning of its captions."""

    session: str
    started: float
    model: str
    task: str
    group: str
    place: int
    lines: int
    duration_s: float
    preview: str


class SessionList(BaseModel, frozen=True):
    """The sessions, the latest first."""

    sessions: list[SessionSummary]


class SessionContent(SessionSummary, frozen=True):
    """A session with its captions, as updates of the live socket have them.

    Each also has `has_audio`: whether its audio was saved, and `edited`: whether its text was corrected."""

    captions: list[dict[str, Any]]


class Done(BaseModel, frozen=True):
    """The result of a change."""

    done: bool = True


def session_routes(hub: LiveHub, live: Path, allowed: Allowed, user_of: UserOf = no_user) -> list[Route]:
    """Returns the routes of the recorded sessions in `live`."""

    def edit(request: EditRequest, user: str | None) -> Done:
        edit_caption(readable_record(live, request.session, user), request.index, request.text)
        return Done()

    def delete(request: SessionRequest, user: str | None) -> Done:
        hub.delete(readable_record(live, request.session, user))
        return Done()

    access = (allowed, user_of)
    return [
        json_route(f"{PATH}/list", ListRequest, lambda r, user: list_sessions(live, r, user), *access, MAX_LIST_BYTES),
        json_route(f"{PATH}/read", SessionRequest, lambda r, user: read_session(live, r, user), *access),
        json_route(f"{PATH}/edit", EditRequest, edit, *access, max_body_bytes=8 * MAX_TEXT_CHARACTERS),
        json_route(f"{PATH}/delete", SessionRequest, delete, *access),
    ]


def readable_record(live: Path, session: str, user: str | None) -> SessionRecord:
    """Returns the record of a session that the user may read.

    Raises:
        OptionError: the id is malformed, or there is no such session.
        SessionAccessError: the session belongs to another user."""
    record = SessionRecord(live, session)
    if not record.exists():
        raise OptionError(DELETED)
    require_reader(record, user)
    return record


def list_sessions(live: Path, request: ListRequest, user: str | None) -> SessionList:
    """Lists the sessions with captions: those of the user, and those whose ids are given if the user may read them."""
    known = {session for session in request.sessions if SESSION_ID.fullmatch(session)}
    folders = {folder.name for folder in session_folders(live)} if user else set()
    found: list[tuple[float, SessionRecord]] = []
    for name in known | folders:
        with skip_unreadable():
            record = SessionRecord(live, name)
            info = read_info(record)
            is_readable = info.user == user or (name in known and None in (user, info.user))
            if is_readable and record.exists():
                found.append((info.started, record))
    summaries: list[SessionSummary] = []
    for _, record in sorted(found, key=lambda item: item[0], reverse=True):
        with skip_unreadable():
            summary = summarize(record, record.stored_captions())
            summaries += [summary] if summary.lines else []
        if len(summaries) == MAX_LISTED:
            break
    return SessionList(sessions=summaries)


@contextmanager
def skip_unreadable() -> Iterator[None]:
    """Lets a list go on without a session that was deleted meanwhile or cannot be read, which is logged."""
    try:
        yield
    except FileNotFoundError:
        return
    except OSError as error:
        LOG.warning("a session could not be listed: %s", error)


def summarize(record: SessionRecord, captions: list[StoredCaption]) -> SessionSummary:
    edits = read_edits(record)
    first = min(captions, key=lambda caption: caption.index, default=None)
    preview = edits.get(first.index, first.text) if first else ""
    return SessionSummary(
        session=record.folder.name,
        **read_info(record).model_dump(exclude={"user"}),
        lines=len(captions),
        duration_s=max((caption.end_s for caption in captions), default=0.0),
        preview=preview[:MAX_PREVIEW_CHARACTERS],
    )


def read_session(live: Path, request: SessionRequest, user: str | None) -> SessionContent:
    """Returns the captions of a session, with the texts that were corrected."""
    record = readable_record(live, request.session, user)
    stored = sorted(record.stored_captions(), key=lambda caption: caption.index)
    edits, saved = read_edits(record), SavedAudio(record.folder).saved_ranges()
    captions = [caption_fields(caption, edits.get(caption.index), saved) for caption in stored]
    return SessionContent(**summarize(record, stored).model_dump(), captions=captions)


def caption_fields(caption: StoredCaption, edited: str | None, saved: list[SampleRange]) -> dict[str, Any]:
    start, end = round(caption.start_s * SAMPLE_RATE), round(caption.end_s * SAMPLE_RATE)
    has_audio = any(part.start <= start and end <= part.end for part in saved)
    fields = cue_fields(caption.caption()) | {"has_audio": has_audio, "edited": edited is not None}
    return fields if edited is None else fields | {"text": edited, "words": []}
