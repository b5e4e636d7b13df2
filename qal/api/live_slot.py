"""The place of a live session in the memory of the server."""

import threading
from dataclasses import dataclass, field

from qal.api.live_messages import SettingsMessage
from qal.captions.resumable_session import ResumableSession


@dataclass(eq=False)
class SessionSlot:
    """A session on this server and the connection that may use it (`owner`)."""

    id: str
    settings: SettingsMessage
    owner: object
    stream: ResumableSession = field(init=False)  # set by whoever creates the slot, under its lock
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while the owner uses the stream
    disconnected_at: float | None = None  # on the monotonic clock; None while there is a connection
    closed: bool = False  # a client that reconnects now resumes from disk
