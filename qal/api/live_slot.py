"""A session of the server and the connection that may use it."""

import math
import threading
from collections.abc import Iterable
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


def waiting_since(slots: Iterable[SessionSlot], limit: float) -> list[SessionSlot]:
    """Returns the slots without a connection since `limit` (on the monotonic clock), the longest first."""
    waiting = [(slot.disconnected_at, slot) for slot in slots if slot.disconnected_at is not None]
    return [slot for since, slot in sorted(waiting, key=lambda item: item[0]) if since < limit]


def lock_longest_waiting(slots: Iterable[SessionSlot]) -> SessionSlot | None:
    """Locks the slot that is longest without a connection and not in use; None if there is none."""
    waiting = waiting_since(slots, math.inf)
    return next((slot for slot in waiting if slot.lock.acquire(blocking=False)), None)
