"""A session of a scheduler with its pending requests."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from qal.audio.samples import SAMPLE_RATE
from qal.captions.captioner import TranscriptionOptions, transcription_options
from qal.captions.final_captions import Caption
from qal.captions.session import CaptionSession, Request

CaptionCallback = Callable[[list[Caption]], None]


@dataclass(eq=False)
class ScheduledSession:
    """A session and its pending requests. Use of the session and delivery of captions require `lock`."""

    session: CaptionSession
    deliver: CaptionCallback
    lock: threading.RLock = field(default_factory=threading.RLock)
    urgent: deque[Request] = field(default_factory=deque)  # final and speculative requests, in order
    tentative: Request | None = None
    in_flight: bool = False  # a request of the session is being transcribed
    last_served_s: float = 0.0  # monotonic time
    failure: Exception | None = None  # the error that ended the session

    @property
    def pending_s(self) -> float:
        """Audio of the pending final and speculative requests, and audio that waits for them, in seconds."""
        requested = sum(len(r.segment.samples) for r in list(self.urgent))
        return (requested + self.session.undecided_samples) / SAMPLE_RATE

    def next_request(self) -> Request | None:
        """Returns the request to transcribe next and discards stale ones; None while another is in flight."""
        if self.in_flight or self.failure:
            return None
        while self.urgent and self.session.is_stale(self.urgent[0]):
            self.urgent.popleft()
        if self.tentative and self.session.is_stale(self.tentative):
            self.tentative = None
        return self.urgent[0] if self.urgent else self.tentative

    def start(self, request: Request) -> None:
        """Removes the next request, which is transcribed now."""
        self.in_flight = True
        self.last_served_s = time.monotonic()
        if request is self.tentative:
            self.tentative = None
        else:
            self.urgent.popleft()


@dataclass(frozen=True)
class ScheduledRequest:
    """A request and the session that it belongs to."""

    scheduled: ScheduledSession
    request: Request

    @property
    def length(self) -> int:
        """Samples of the segment."""
        return len(self.request.segment.samples)

    @property
    def options(self) -> TranscriptionOptions:
        return transcription_options(self.request, self.scheduled.session.options)
