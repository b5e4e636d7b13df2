"""Many sessions, one engine: what is read next, and together with what.

Finals go before tentatives; a newer tentative of the same session replaces the older one, so under load
tentatives get rarer by themselves; finals are never dropped. Whoever was served longest ago goes first.
Requests of like context are read in one batch. Who speaks faster than the engine reads is made to wait."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.captioner import manner_of
from qal.captions.session import Caption, CaptionSession, Kind, Request
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Transcript
from qal.engine.screening import ScreeningOptions, SpeechEngine, screened
from qal.errors import QalError

MAX_BATCH = 8
LIKE_CONTEXT = 1.25  # the longest of a batch may be so many times the first one's length
MAX_UNREAD_S = 60.0  # of one session's finals; then its sound waits where it is
PATIENCE_S = 60.0  # without any progress
LOG = logging.getLogger("qal")

Deliver = Callable[[list[Caption]], None]


class BusyError(QalError):
    """Every place is taken, or the engine does not get on."""


@dataclass(eq=False)
class Seat:
    """A session's place at the scheduler. Whoever uses the session holds `lock`, while captions are delivered, too.

    `failure` is what ended it."""

    session: CaptionSession
    deliver: Deliver
    lock: threading.RLock = field(default_factory=threading.RLock)
    urgent: deque[Request] = field(default_factory=deque)  # finals and speculations, in order
    tentative: Request | None = None
    in_flight: bool = False
    served: float = 0.0  # when it last had its turn
    failure: Exception | None = None

    @property
    def unread_s(self) -> float:
        return sum(len(r.segment.samples) for r in list(self.urgent)) / SAMPLE_RATE


@dataclass(frozen=True)
class Turn:
    seat: Seat
    request: Request

    @property
    def length(self) -> int:
        return len(self.request.segment.samples)

    @property
    def manner(self) -> tuple[DecodingOptions, ScreeningOptions]:
        return manner_of(self.request, self.seat.session.options)


class Scheduler:
    """Reads for all sessions in threads of its own, as many as the engine has workers; `close` ends them."""

    def __init__(self, engine: SpeechEngine, max_sessions: int = 64, workers: int = 1):
        self._engine = engine
        self._max_sessions = max_sessions
        self._seats: list[Seat] = []
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"caption-scheduler-{i}") for i in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def open(self, session: CaptionSession, deliver: Deliver) -> Seat:
        """Raises BusyError when every place is taken."""
        with self._changed:
            if len(self._seats) >= self._max_sessions:
                raise BusyError(f"all {self._max_sessions} places are taken; try again in a minute")
            seat = Seat(session, deliver)
            self._seats.append(seat)
            return seat

    def wait_for_room(self, seat: Seat) -> None:
        """Until not too much of the session is unread.

        Raises what went wrong with its earlier sound, and BusyError when the engine does not get on."""
        with self._changed:
            self._wait_for(seat, lambda: seat.unread_s <= MAX_UNREAD_S)

    def feed(self, seat: Seat, samples: Samples) -> None:
        """Takes a session's sound; returns when the VAD has heard it, before it is read. Raises as above."""
        self.wait_for_room(seat)
        with seat.lock:
            captions, requests = seat.session.feed(samples)
            if captions:
                seat.deliver(captions)
        self._ask(seat, requests)

    def flush(self, seat: Seat) -> None:
        """Makes all that was heard final; returns when it is delivered. Raises as `feed` does."""
        with seat.lock:
            captions, requests = seat.session.flush()
            if captions:
                seat.deliver(captions)
        self._ask(seat, requests)
        with self._changed:
            self._wait_for(seat, lambda: not (seat.urgent or seat.in_flight))

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
        for thread in self._threads:
            thread.join()

    def __len__(self) -> int:
        return len(self._seats)

    def _ask(self, seat: Seat, requests: list[Request]) -> None:
        with self._changed:
            for request in requests:
                if request.kind is Kind.TENTATIVE:
                    seat.tentative = request
                else:
                    seat.urgent.append(request)
            self._changed.notify_all()

    def _wait_for(self, seat: Seat, done: Callable[[], bool]) -> None:
        """Holding `_changed`: until `done`, as long as the seat is served now and then."""
        while True:
            served = seat.served
            self._changed.wait_for(lambda: done() or seat.failure or seat not in self._seats, PATIENCE_S)
            if seat.failure:
                raise seat.failure
            if seat not in self._seats:
                raise BusyError("this recording has ended on the server; press Start again")
            if done():
                return
            if seat.served == served:
                raise BusyError("the server is too busy to go on; try again in a minute")

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or any(map(self._next_of, self._seats)))
                if self._closed:
                    return
                batch = self._pick()
            try:
                self._read(batch)
            finally:
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
        """What the session waits for, one thing after the other; what it no longer wants is forgotten."""
        if seat.in_flight or seat.failure:
            return None
        while seat.urgent and not seat.session.is_wanted(seat.urgent[0]):
            seat.urgent.popleft()
        if seat.tentative and not seat.session.is_wanted(seat.tentative):
            seat.tentative = None
        return seat.urgent[0] if seat.urgent else seat.tentative

    def _read(self, batch: list[Turn]) -> None:
        try:
            transcripts = self._transcribed(batch)
        except Exception as error:  # one of them may be the reason: each once more, alone
            LOG.warning("reading %d segments failed (%s); each is tried alone", len(batch), error)
            for turn in batch:
                self._read_alone(turn)
            return
        for turn, transcript in zip(batch, transcripts, strict=True):
            self._answer(turn, transcript)

    def _read_alone(self, turn: Turn) -> None:
        try:
            (transcript,) = self._transcribed([turn])
        except Exception as error:
            LOG.exception("a segment could not be read")
            if turn.request.kind is not Kind.TENTATIVE:  # a tentative text is no loss
                turn.seat.failure = error
            return
        self._answer(turn, transcript)

    def _transcribed(self, batch: list[Turn]) -> list[Transcript | None]:
        utterances = [t.seat.session.utterance(t.request) for t in batch]
        return screened(self._engine, utterances, *batch[0].manner)

    def _answer(self, turn: Turn, transcript: Transcript | None) -> None:
        """A session whose captions cannot be delivered (a full disk) fails alone."""
        seat = turn.seat
        with seat.lock:
            try:
                captions = seat.session.answer(turn.request, transcript)
                if captions and seat in self._seats:
                    seat.deliver(captions)
            except Exception as error:
                LOG.exception("captions could not be delivered")
                seat.failure = error


def _alike(a: int, b: int) -> bool:
    return max(a, b) <= LIKE_CONTEXT * min(a, b)
