"""A session of a scheduler with its pending requests."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from qal.audio.samples import SAMPLE_RATE
from qal.captions.captioner import TranscriptionOptions, transcription_options
from qal.captions.final_captions import Caption
from qal.captions.session import CaptionSession, Request, RequestKind

CaptionCallback = Callable[[list[Caption]], None]


@dataclass(eq=False)
class ScheduledSession:
    """A session and its pending requests. Use of the session and delivery of captions require `lock`."""

    session: CaptionSession
    deliver: CaptionCallback
    lock: threading.RLock = field(default_factory=threading.RLock)
    urgent: deque[Request] = field(default_factory=deque)  # final and speculative requests, in order
    tentative: Request | None = None
    in_flight: set[bool] = field(default_factory=set)  # urgent (True) and tentative requests that are transcribed now
    last_served_s: float = 0.0  # monotonic time
    failure: Exception | None = None  # the error that ended the session

    @property
    def pending_s(self) -> float:
        """Audio of the pending final and speculative requests, and audio that waits for them, in seconds."""
        requested = sum(len(r.segment.samples) for r in list(self.urgent))
        return (requested + self.session.undecided_samples) / SAMPLE_RATE

    def next_request(self) -> Request | None:
        """Returns the request to transcribe next and discards stale ones; None if there is none that may start.

        Urgent requests keep their order: one at a time. They do not wait for a tentative one."""
        if self.failure or True in self.in_flight:
            return None
        while self.urgent and self.session.is_stale(self.urgent[0]):
            self.urgent.popleft()
        if self.tentative and self.session.is_stale(self.tentative):
            self.tentative = None
        if self.urgent:
            return self.urgent[0]
        return None if self.in_flight else self.tentative

    def start(self, request: Request) -> None:
        """Removes the next request, which is transcribed now."""
        self.in_flight.add(is_urgent(request))
        self.last_served_s = time.monotonic()
        if request is self.tentative:
            self.tentative = None
        else:
            self.urgent.popleft()


def is_urgent(request: Request) -> bool:
    """True for the requests whose text may become final."""
    return request.kind is not RequestKind.TENTATIVE


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
