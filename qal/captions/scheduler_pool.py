"""The schedulers of a server: one for each engine that has sessions."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from qal.captions.scheduler import STALL_TIMEOUT_S, Scheduler
from qal.engine.engine import Engine

LOG = logging.getLogger("qal")


class SchedulerPool:
    """Creates the scheduler of an engine for its first session, and closes it after the last one.

    Args:
        max_sessions: of one scheduler."""

    def __init__(self, max_sessions: int):
        self._max_sessions = max_sessions
        self._schedulers: dict[int, Scheduler] = {}  # by id(engine), which the scheduler keeps alive
        self._in_use: Counter[int] = Counter()  # by id(engine): callers that are about to add a session
        self._lock = threading.Lock()

    @contextmanager
    def scheduler_of(self, engine: Engine) -> Iterator[Scheduler]:
        """Gives the engine's scheduler, which is not closed until the caller has added its session."""
        key = id(engine)
        with self._lock:
            if key not in self._schedulers:
                self._schedulers[key] = Scheduler(engine, self._max_sessions, engine.workers)
            scheduler = self._schedulers[key]
            self._in_use[key] += 1
        try:
            yield scheduler
        finally:
            with self._lock:
                self._in_use[key] -= 1

    def close_idle(self) -> None:
        """Closes the schedulers without sessions; returns when their threads have ended."""
        with self._lock:
            idle = [key for key, s in self._schedulers.items() if not len(s) and not self._in_use[key]]
            closing = [self._schedulers.pop(key) for key in idle]
        for scheduler in closing:
            scheduler.close()

    def has_sessions(self) -> bool:
        with self._lock:
            return any(len(scheduler) for scheduler in self._schedulers.values())

    def has_pending(self) -> bool:
        """True while a session of any engine waits for a text."""
        with self._lock:
            schedulers = list(self._schedulers.values())
        return any(scheduler.has_pending() for scheduler in schedulers)

    def report_hanging_engines(self) -> None:
        """Writes an error to the log for each engine that has not answered for STALL_TIMEOUT_S."""
        with self._lock:
            schedulers = list(self._schedulers.values())
        for scheduler in schedulers:
            if (longest_s := scheduler.longest_batch_s()) > STALL_TIMEOUT_S:
                LOG.error("an engine has not answered for %.0f s; if this goes on, restart the server", longest_s)
