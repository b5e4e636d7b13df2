"""Many sessions, one engine: what is read next, and together with what.

Finals go before tentatives; a newer tentative of the same session replaces the older one, so under load
tentatives get rarer by themselves; finals are never dropped. Whoever was served longest ago goes first.
Requests of like context are read in one batch."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from audio.samples import Samples
from captions.captioner import decoding_for
from captions.session import Caption, CaptionSession, Kind, Request
from engine.decoding import DecodingOptions
from engine.screening import ScreeningOptions, SpeechEngine, screened
from errors import QalError

MAX_BATCH = 8
LIKE_CONTEXT = 1.25  # the longest of a batch may be so many times the first one's length

Deliver = Callable[[list[Caption]], None]


class FullError(QalError):
    """Every place is taken."""


@dataclass(eq=False)
class Seat:
    """A session's place at the scheduler. `failure` is the error that ended it."""

    session: CaptionSession
    deliver: Deliver  # is called by the scheduler's thread, and by feed's
    lock: threading.RLock = field(default_factory=threading.RLock)
    urgent: deque[Request] = field(default_factory=deque)  # finals and speculations, in order
    tentative: Request | None = None
    in_flight: bool = False
    served: float = 0.0  # when it last had its turn
    failure: Exception | None = None


@dataclass(frozen=True)
class Turn:
    seat: Seat
    request: Request

    @property
    def length(self) -> int:
        return len(self.request.segment.samples)

    @property
    def manner(self) -> tuple[DecodingOptions, ScreeningOptions]:
        options = self.seat.session.options
        return decoding_for(self.request, options), options.screening


class Scheduler:
    """Reads for all sessions in one thread of its own; `close` ends it."""

    def __init__(self, engine: SpeechEngine, max_sessions: int = 64):
        self._engine = engine
        self._max_sessions = max_sessions
        self._seats: list[Seat] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="caption-scheduler")
        self._thread.start()

    def open(self, session: CaptionSession, deliver: Deliver) -> Seat:
        """Raises FullError when every place is taken."""
        with self._changed:
            if len(self._seats) >= self._max_sessions:
                raise FullError(f"all {self._max_sessions} places are taken; try again in a minute")
            seat = Seat(session, deliver)
            self._seats.append(seat)
            return seat

    def feed(self, seat: Seat, samples: Samples) -> None:
        """Takes a session's sound; returns when the VAD has heard it, before anything is read.

        Raises what went wrong when the session's earlier sound was read."""
        if seat.failure:
            raise seat.failure
        self._take(seat, *self._heard(seat, samples))

    def flush(self, seat: Seat, timeout_s: float = 60.0) -> None:
        """Makes all that was heard final; returns when it is delivered, or when the time is over."""
        with seat.lock:
            captions, requests = seat.session.flush()
        self._take(seat, captions, requests)
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle(seat), timeout_s)

    def leave(self, seat: Seat) -> None:
        """Gives the place up; what was not yet read is dropped."""
        with self._changed:
            if seat in self._seats:
                self._seats.remove(seat)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def __len__(self) -> int:
        return len(self._seats)

    def _heard(self, seat: Seat, samples: Samples) -> tuple[list[Caption], list[Request]]:
        with seat.lock:
            return seat.session.feed(samples)

    def _take(self, seat: Seat, captions: list[Caption], requests: list[Request]) -> None:
        if captions:
            seat.deliver(captions)
        with self._changed:
            for request in requests:
                if request.kind is Kind.TENTATIVE:
                    seat.tentative = request
                else:
                    seat.urgent.append(request)
            self._changed.notify_all()

    def _is_idle(self, seat: Seat) -> bool:
        return not (seat.urgent or seat.in_flight) or seat not in self._seats or seat.failure is not None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closed or any(self._next_of(s) for s in self._seats if not s.in_flight)
                )
                if self._closed:
                    return
                batch = self._pick()
            self._read(batch)
            with self._changed:
                for turn in batch:
                    turn.seat.in_flight = False
                self._changed.notify_all()

    def _pick(self) -> list[Turn]:
        """The most urgent request of whoever waits longest, and requests like it of the others."""
        turns = [Turn(s, r) for s in self._seats if (r := self._next_of(s))]
        turns.sort(key=lambda t: (t.request.kind is Kind.TENTATIVE, t.seat.served))
        first = turns[0]
        batch = [t for t in turns if t.manner == first.manner and _alike(t.length, first.length)][:MAX_BATCH]
        for turn in batch:
            seat = turn.seat
            seat.in_flight, seat.served = True, time.monotonic()
            if turn.request is seat.tentative:
                seat.tentative = None
            else:
                seat.urgent.popleft()
        return batch

    def _next_of(self, seat: Seat) -> Request | None:
        """What the session waits for; what it no longer wants is forgotten."""
        while seat.urgent and not seat.session.is_wanted(seat.urgent[0]):
            seat.urgent.popleft()
        if seat.tentative and not seat.session.is_wanted(seat.tentative):
            seat.tentative = None
        return seat.urgent[0] if seat.urgent else seat.tentative

    def _read(self, batch: list[Turn]) -> None:
        try:
            utterances = [t.seat.session.utterance(t.request) for t in batch]
            transcripts = screened(self._engine, utterances, *batch[0].manner)
        except Exception as error:  # kept for the sessions' own threads, which raise it
            for turn in batch:
                turn.seat.failure = error
            return
        for turn, transcript in zip(batch, transcripts, strict=True):
            with turn.seat.lock:
                captions = turn.seat.session.answer(turn.request, transcript)
            if captions and turn.seat in self._seats:
                turn.seat.deliver(captions)


def _alike(a: int, b: int) -> bool:
    return max(a, b) <= LIKE_CONTEXT * min(a, b)
