"""The scheduler: many sessions share one engine.

Final and speculative requests come before tentative ones; a newer tentative request of a session replaces its older
one, so that partial results become rarer under load; final requests are never dropped. The session that was served
longest ago comes first. Requests of similar length are transcribed in one batch; idle workers share what is waiting.
Of several workers, one is kept for final requests; a batch of tentative requests is so small that a sentence that ends
meanwhile does not wait long for it. A session with too much pending audio has to wait before it may feed more."""

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from qal.audio.samples import Samples
from qal.captions.scheduled import CaptionCallback, ScheduledRequest, ScheduledSession, is_urgent
from qal.captions.session import CaptionSession, Request, RequestKind
from qal.engine.engine import Transcript
from qal.engine.screening import SpeechEngine, transcribe_screened
from qal.errors import QalError

MAX_BATCH_SIZE = 8
MAX_LENGTH_RATIO = 1.25  # between the first segment of a batch and any other
MAX_PENDING_S = 60.0  # audio of one session's pending final requests
STALL_TIMEOUT_S = 60.0  # without a transcript for a session that waits
TENTATIVE_BATCH_S = 0.15  # expected time of a batch of tentative requests, at most
SMOOTHING = 0.2  # weight of the last batch in the expected time of a tentative request
RETRY_PAUSE_S = 1.0  # after an error of the scheduler itself
LOG = logging.getLogger("qal")


class RunningBatch(NamedTuple):
    """A batch that is being transcribed."""

    began_s: float  # monotonic time
    is_urgent: bool


class BusyError(QalError):
    """The server has no free session, or the engine is too slow."""


class ClosedError(Exception):
    """The scheduler was closed."""


class Scheduler:
    """Transcribes the requests of all sessions in `workers` threads of its own, which `close` ends.

    Without workers, the caller transcribes them with `run_next_batch`."""

    def __init__(
        self,
        engine: SpeechEngine,
        max_sessions: int = 64,
        workers: int = 1,
        max_batch_size: int = MAX_BATCH_SIZE,
    ):
        self._engine = engine
        self._max_sessions = max_sessions
        self._max_batch_size = max_batch_size
        self._sessions: list[ScheduledSession] = []
        self._changed = threading.Condition()
        self._closed = False
        self._tentative_s = 0.0  # expected time of one tentative request in a batch
        self._running: dict[int, RunningBatch] = {}  # by thread
        self._workers = max(1, workers)
        self._threads = [
            threading.Thread(target=self._work, daemon=True, name=f"caption-scheduler-{i}") for i in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def add(self, session: CaptionSession, deliver: CaptionCallback) -> ScheduledSession:
        """Adds a session whose captions go to `deliver`. Raises BusyError if there are too many sessions."""
        with self._changed:
            if len(self._sessions) >= self._max_sessions:
                raise BusyError(f"all {self._max_sessions} sessions of this server are in use; try again in a minute")
            scheduled = ScheduledSession(session, deliver)
            self._sessions.append(scheduled)
            return scheduled

    def wait_for_capacity(self, scheduled: ScheduledSession) -> None:
        """Waits until the session has less than MAX_PENDING_S of pending audio.

        Raises:
            BusyError: the session was removed, or nothing was transcribed for STALL_TIMEOUT_S.
            Exception: the error that ended the session.
        """
        with self._changed:
            self._wait_until(scheduled, lambda: scheduled.pending_s <= MAX_PENDING_S)

    def feed(self, scheduled: ScheduledSession, samples: Samples) -> None:
        """Adds samples; returns before their requests are transcribed. Raises as `wait_for_capacity` does."""
        self.wait_for_capacity(scheduled)
        with scheduled.lock:
            captions, requests = scheduled.session.feed(samples)
            if captions:
                scheduled.deliver(captions)
            self._enqueue(scheduled, requests)

    def flush(self, scheduled: ScheduledSession) -> None:
        """Ends the stream; returns when all final captions are delivered. Raises as `wait_for_capacity` does."""
        with scheduled.lock:
            captions, requests = scheduled.session.flush()
            if captions:
                scheduled.deliver(captions)
            self._enqueue(scheduled, requests)
        with self._changed:
            self._wait_until(scheduled, lambda: not (scheduled.urgent or scheduled.in_flight))

    def fail(self, scheduled: ScheduledSession, error: Exception) -> None:
        """Ends a session with an error, which its next use raises."""
        with self._changed:
            scheduled.failure = error
            self._changed.notify_all()

    def remove(self, scheduled: ScheduledSession) -> None:
        """Removes a session; its pending requests are discarded."""
        with self._changed:
            if scheduled in self._sessions:
                self._sessions.remove(scheduled)
            self._changed.notify_all()

    def close(self) -> None:
        """Ends the threads after the batches that are being transcribed."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def has_pending(self) -> bool:
        """True while a session waits for a text, or one is being transcribed."""
        with self._changed:
            return any(s.urgent or s.tentative or s.in_flight for s in self._sessions)

    def longest_batch_s(self) -> float:
        """Returns how long the batch that takes longest is being transcribed, in seconds; 0 if there is none."""
        now = time.monotonic()
        return max((now - batch.began_s for batch in list(self._running.values())), default=0.0)

    def __len__(self) -> int:
        return len(self._sessions)

    def __contains__(self, scheduled: ScheduledSession) -> bool:
        return scheduled in self._sessions

    def _enqueue(self, scheduled: ScheduledSession, requests: list[Request]) -> None:
        """Adds requests in the order in which the session made them; the caller holds the session's lock."""
        if not requests:
            return
        with self._changed:
            for request in requests:
                if request.kind is RequestKind.TENTATIVE:
                    scheduled.tentative = request
                else:
                    scheduled.urgent.append(request)
            self._changed.notify_all()

    def _wait_until(self, scheduled: ScheduledSession, is_done: Callable[[], bool]) -> None:
        """Waits as long as the session is served at least once per STALL_TIMEOUT_S. `_changed` must be held."""
        while True:
            last_served_s = scheduled.last_served_s
            self._changed.wait_for(
                lambda: is_done() or scheduled.failure or scheduled not in self._sessions, STALL_TIMEOUT_S
            )
            if scheduled.failure:
                raise scheduled.failure
            if scheduled not in self._sessions:
                raise BusyError("this recording has ended on the server; press Start again")
            if is_done():
                return
            if scheduled.last_served_s == last_served_s:
                raise BusyError("the server is too busy to continue; try again in a minute")

    def _work(self) -> None:
        """The main loop of a worker thread. No error ends it, because no session of the engine would be served then."""
        while True:
            try:
                self._complete(self._wait_for_batch())
            except ClosedError:
                return
            except Exception:
                LOG.exception("the scheduler of captions failed; it goes on in %.0f s", RETRY_PAUSE_S)
                time.sleep(RETRY_PAUSE_S)

    def _wait_for_batch(self) -> list[ScheduledRequest]:
        """Returns the next batch as soon as there is one. Raises ClosedError after `close`."""
        with self._changed:
            while not self._closed:
                if batch := self._next_batch():
                    return batch
                self._changed.wait()
        raise ClosedError

    def run_next_batch(self) -> bool:
        """Transcribes and delivers one batch in the calling thread. Returns False if there is no request."""
        with self._changed:
            batch = self._next_batch()
        if batch:
            self._complete(batch)
        return bool(batch)

    def _complete(self, batch: list[ScheduledRequest]) -> None:
        """Processes a batch and frees its sessions for their next requests."""
        try:
            self._process(batch)
        finally:
            with self._changed:
                running = self._running.pop(threading.get_ident())
                if not running.is_urgent:
                    request_s = (time.monotonic() - running.began_s) / len(batch)
                    self._tentative_s += SMOOTHING * (request_s - self._tentative_s)
                for scheduled_request in batch:
                    scheduled_request.scheduled.in_flight.discard(running.is_urgent)
                self._changed.notify_all()

    def _next_batch(self) -> list[ScheduledRequest]:
        """Removes and returns the next request and those of other sessions that fit into its batch; `_changed` must be
        held. [] if there is none that may start."""
        candidates = [ScheduledRequest(s, r) for s in self._sessions if (r := s.next_request())]
        if not self._has_worker_for_tentative:
            candidates = [c for c in candidates if is_urgent(c.request)]
        candidates.sort(key=lambda c: (not is_urgent(c.request), c.scheduled.last_served_s))
        if not candidates:
            return []
        first = candidates[0]
        fitting = [c for c in candidates if c.options == first.options and _similar(c.length, first.length)]
        batch = fitting[: self._batch_limit(first.request, len(fitting))]
        for scheduled_request in batch:
            scheduled_request.scheduled.start(scheduled_request.request)
        self._running[threading.get_ident()] = RunningBatch(time.monotonic(), is_urgent(first.request))
        return batch

    @property
    def _has_worker_for_tentative(self) -> bool:
        """False if tentative requests occupy all workers but the one that is kept for final requests."""
        tentative = sum(not batch.is_urgent for batch in self._running.values())
        return tentative < max(1, self._workers - 1)

    def _batch_limit(self, first: Request, fitting: int) -> int:
        """Returns the largest number of requests of a batch: a fair share of those that fit for each idle worker."""
        if is_urgent(first):
            idle = max(1, self._workers - len(self._running))
            return min(self._max_batch_size, math.ceil(fitting / idle))
        if not self._tentative_s:
            return self._max_batch_size
        return max(1, min(self._max_batch_size, int(TENTATIVE_BATCH_S / self._tentative_s)))

    def _process(self, batch: list[ScheduledRequest]) -> None:
        """Transcribes and delivers a batch; if it fails, each request is tried alone."""
        try:
            transcripts = self._transcribe(batch)
        except Exception as error:  # one request may be the cause
            LOG.warning("transcribing %d segments failed (%s); trying each one alone", len(batch), error)
            for scheduled_request in batch:
                self._process_alone(scheduled_request)
            return
        for scheduled_request, transcript in zip(batch, transcripts, strict=True):
            self._deliver(scheduled_request, transcript)

    def _process_alone(self, scheduled_request: ScheduledRequest) -> None:
        try:
            (transcript,) = self._transcribe([scheduled_request])
        except Exception as error:
            LOG.exception("a segment could not be transcribed")
            if is_urgent(scheduled_request.request):  # a partial result is no loss
                scheduled_request.scheduled.failure = error
            return
        self._deliver(scheduled_request, transcript)

    def _transcribe(self, batch: list[ScheduledRequest]) -> list[Transcript | None]:
        utterances = [r.scheduled.session.utterance(r.request) for r in batch]
        return transcribe_screened(self._engine, utterances, *batch[0].options)

    def _deliver(self, scheduled_request: ScheduledRequest, transcript: Transcript | None) -> None:
        """Delivers the captions of a transcript; an error (a full disk) ends this session alone."""
        scheduled = scheduled_request.scheduled
        with scheduled.lock:
            try:
                captions, requests = scheduled.session.add_transcript(scheduled_request.request, transcript)
                if captions and scheduled in self._sessions:
                    scheduled.deliver(captions)
                self._enqueue(scheduled, requests)
            except Exception as error:
                LOG.exception("captions could not be delivered")
                scheduled.failure = error


def _similar(a: int, b: int) -> bool:
    return max(a, b) <= MAX_LENGTH_RATIO * min(a, b)
