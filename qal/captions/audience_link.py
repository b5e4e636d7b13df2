"""The read-only link to the captions of a live session, on disk: live/<id>/audience.json.

The link's token is random and says nothing about the session id, which would authorise to write. A link belongs to the
last session of its first pane and is stored there, so that it ends when that session is deleted. A new recording of the
same page takes the link over: viewers continue to read without another link."""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from qal.captions.record import session_folders, write_private
from qal.storage import storage_errors

AUDIENCE_FILE = "audience.json"
TOKEN_BYTES = 24  # of randomness
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")  # of TOKEN_BYTES in base64
LINK_NAME = "the link for the audience"  # in error messages
MAX_PANES = 2
MAX_SESSIONS = 50  # of one pane; older ones are no longer shown
MAX_LABEL_CHARACTERS = 100


class PaneSession(BaseModel, frozen=True):
    """A session whose captions a pane shows. `number` counts the sessions of the pane, dropped ones too."""

    number: int = Field(ge=0)
    session: str


class Pane(BaseModel, frozen=True):
    """One column of captions: its name for the audience, and its sessions, the oldest first."""

    label: str = ""
    sessions: tuple[PaneSession, ...] = ()

    def with_session(self, session: str, label: str) -> "Pane":
        """Returns the pane with a further session, unless it is the last one already."""
        if self.sessions and self.sessions[-1].session == session:
            return Pane(label=label, sessions=self.sessions)
        number = self.sessions[-1].number + 1 if self.sessions else 0
        sessions = (*self.sessions, PaneSession(number=number, session=session))
        return Pane(label=label, sessions=sessions[-MAX_SESSIONS:])


class PaneSource(BaseModel, frozen=True):
    """The session that a pane shows from now on."""

    session: str = Field(max_length=64)
    label: str = Field(default="", max_length=MAX_LABEL_CHARACTERS)


class AudienceLink(BaseModel, frozen=True, extra="ignore"):
    """A link: its token and what it shows.

    `shown` is the number of panes that are shown; `ended` is true after the speaker has ended the last session."""

    token: str
    panes: tuple[Pane, ...]
    shown: int = 1
    ended: bool = False

    @property
    def owner(self) -> str:
        """The id of the session in whose folder the link is stored."""
        return self.panes[0].sessions[-1].session

    def with_sources(self, sources: Sequence[PaneSource]) -> "AudienceLink":
        """Returns the link with these sessions as the last ones of its panes."""
        panes = [*self.panes, *[Pane()] * (len(sources) - len(self.panes))]
        for i, source in enumerate(sources):
            panes[i] = panes[i].with_session(source.session, source.label)
        ended = self.ended and panes[0].sessions[-1].session == self.owner
        return AudienceLink(token=self.token, panes=tuple(panes), shown=len(sources), ended=ended)


def new_link(sources: Sequence[PaneSource]) -> AudienceLink:
    """Returns a link with a new random token."""
    panes = tuple(Pane().with_session(source.session, source.label) for source in sources)
    return AudienceLink(token=secrets.token_urlsafe(TOKEN_BYTES), panes=panes, shown=len(panes))


def read_link(folder: Path) -> AudienceLink | None:
    """Returns the link of a session's folder; None if it has none, or if the file is damaged."""
    try:
        link = AudienceLink.model_validate_json((folder / AUDIENCE_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    is_whole = TOKEN.fullmatch(link.token) and link.panes and link.panes[0].sessions
    return link if is_whole and link.owner == folder.name else None


def write_link(live: Path, link: AudienceLink) -> None:
    """Writes the link into the folder of its session. Raises StorageError."""
    write_private(live / link.owner / AUDIENCE_FILE, link.model_dump_json(), LINK_NAME)


def delete_link(live: Path, session: str) -> None:
    """Deletes the link of a session, if it has one. Raises StorageError."""
    with storage_errors(LINK_NAME):
        (live / session / AUDIENCE_FILE).unlink(missing_ok=True)


def link_exists(live: Path, link: AudienceLink) -> bool:
    """False after the link or its session was deleted."""
    return (live / link.owner / AUDIENCE_FILE).is_file()


def find_links(live: Path) -> list[AudienceLink]:
    """Returns the links of all sessions in the folder."""
    return [link for link in map(read_link, session_folders(live)) if link]
