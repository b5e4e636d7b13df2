"""A session of the server and the connection that may use it."""

import threading
from dataclasses import dataclass, field

from qal.api.live_messages import SettingsMessage
from qal.captions.resumable_session import ResumableSession
from qal.errors import QalError


class SupersededError(QalError):
    """Another connection has joined the session."""


@dataclass(eq=False)
class SessionSlot:
    """A session in the memory of this server. Only the connection that joined it last, its `owner`, may use it."""

    id: str
    settings: SettingsMessage
    owner: object
    stream: ResumableSession = field(init=False)  # set after the slot is made, under its lock
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while the owner uses the stream
    disconnected_at: float | None = None  # on the monotonic clock; None while there is a connection
    closed: bool = False  # a client that reconnects now resumes from disk

    def connect(self, owner: object) -> None:
        """Gives the session to a connection; an earlier one may no longer use it."""
        self.owner = owner
        self.disconnected_at = None


def require_owner(slot: SessionSlot, owner: object) -> None:
    """Raises SupersededError unless `owner` joined the session last."""
    if slot.owner is not owner:
        raise SupersededError("this recording continues on another connection")
