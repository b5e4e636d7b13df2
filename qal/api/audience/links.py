"""The audience links of a server in memory: which sessions they show, and whether those are being captioned.

The links of earlier server processes are read from disk. All methods may be called from any thread."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from qal.captions.audience import AudienceState
from qal.captions.audience_link import (
    AudienceLink,
    PaneSource,
    delete_link,
    find_links,
    link_exists,
    new_link,
    write_link,
)
from qal.captions.record import SessionRecord, new_session_id
from qal.captions.session_info import require_reader
from qal.errors import OptionError, StorageError

NO_SESSION = "the recording was deleted; start a new one"
LOG = logging.getLogger("qal")


class AudienceLinks:
    """All links of a server.

    Args:
        live: folder of the session records, where the links are stored.
        on_change: receives the token of each link that was changed or revoked, before captions of a session that
            the link shows anew can be assigned to it."""

    def __init__(self, live: Path, on_change: Callable[[str], None]):
        self._live = live
        self._on_change = on_change
        self._lock = threading.Lock()
        self._links = {link.token: link for link in find_links(live)}
        self._tokens = {session: link.token for link in self._links.values() for session in current_sessions(link)}
        self._open: frozenset[str] = frozenset()  # sessions that are in memory

    def switch_on(self, sources: Sequence[PaneSource], previous: str | None = None) -> AudienceLink:
        """Gives the sessions a link: their own, the one of the session `previous`, or a new one.

        Without a session, an empty one is created, whose link a later recording takes over as `previous`.

        Raises:
            OptionError: a session id is malformed or unknown.
            StorageError: the link cannot be written."""
        if not sources:
            record = SessionRecord(self._live, new_session_id())
            record.create()
            sources = [PaneSource(session=record.folder.name)]
        for source in sources:
            if not SessionRecord(self._live, source.session).exists():
                raise OptionError(NO_SESSION)
        with self._lock:
            old = self._owned(sources[0].session) or self._owned(previous)
            link = old.with_sources(sources) if old else new_link(sources)
            if link != old:
                write_link(self._live, link)
                if old and old.owner != link.owner:
                    delete_link(self._live, old.owner)
                self._replace(old, link)
        return link

    def require_own(self, session: str, user: str | None) -> None:
        """Raises SessionAccessError if the session belongs to another user, OptionError if the id is not valid."""
        require_reader(SessionRecord(self._live, session), user)

    def switch_off(self, session: str) -> None:
        """Revokes the link of a session, if it has one. Raises OptionError for a malformed id, StorageError."""
        SessionRecord(self._live, session)  # checks the id
        with self._lock:
            link = self._owned(session)
            delete_link(self._live, session)
            if link:
                self._replace(link, None)

    def of_session(self, session: str) -> AudienceLink | None:
        """Returns the link that is stored with the session."""
        with self._lock:
            return self._owned(session)

    def of_token(self, token: str) -> AudienceLink | None:
        """Returns a link, also if it was deleted on disk since the last `drop_deleted`."""
        return self._links.get(token)

    def is_valid(self, token: str) -> bool:
        """True if the link exists in memory and on disk."""
        link = self._links.get(token)
        return link is not None and link_exists(self._live, link)

    def token_of(self, session: str) -> str | None:
        """Returns the token of the link that shows the captions of the session."""
        return self._tokens.get(session)

    def state(self, link: AudienceLink) -> AudienceState:
        """Returns the state of a link's last session for the viewers. A single pane needs no name."""
        labels = tuple(pane.label for pane in link.panes[: link.shown]) if link.shown > 1 else ("",)
        is_live = link.owner in self._open
        return AudienceState(is_live, link.ended and not is_live, labels)

    def set_open(self, session: str, is_open: bool) -> None:
        """Records that a session is in memory, or no longer."""
        with self._lock:
            self._open = self._open | {session} if is_open else self._open - {session}
            if token := self._tokens.get(session):
                self._on_change(token)

    def set_ended(self, session: str, ended: bool) -> None:
        """Records that the speaker has ended a session, or continues it."""
        with self._lock:
            link = self._owned(session)
            if not link or link.ended == ended:
                return
            changed = link.model_copy(update={"ended": ended})
            try:
                write_link(self._live, changed)
            except StorageError as error:  # the session itself must not fail
                LOG.warning("%s", error)
            self._replace(link, changed)

    def drop_deleted(self) -> None:
        """Revokes the links whose files or sessions were deleted on disk."""
        with self._lock:
            for link in [link for link in self._links.values() if not link_exists(self._live, link)]:
                self._replace(link, None)

    def _owned(self, session: str | None) -> AudienceLink | None:
        """Returns the link that is stored with a session. The caller holds the lock."""
        link = self._links.get(self._tokens.get(session or "", ""))
        return link if link and link.owner == session and link_exists(self._live, link) else None

    def _replace(self, old: AudienceLink | None, link: AudienceLink | None) -> None:
        """Replaces a link, or revokes it (`link` is None). The caller holds the lock."""
        token = link.token if link else old.token if old else ""
        if link:
            self._links[token] = link
        else:
            self._links.pop(token, None)
        self._on_change(token)
        kept = {session: of for session, of in self._tokens.items() if of != token}
        self._tokens = kept | dict.fromkeys(current_sessions(link) if link else (), token)


def current_sessions(link: AudienceLink) -> list[str]:
    """Returns the last session of each pane."""
    return [pane.sessions[-1].session for pane in link.panes if pane.sessions]
