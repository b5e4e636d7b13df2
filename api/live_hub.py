"""The live sessions of a server: found again by their id, one scheduler for each engine."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, Field

from captions.protocol import MAX_SAMPLE
from captions.record import Record, new_id
from captions.scheduler import FullError, Scheduler
from captions.session import CaptionSession
from captions.stream import LiveStream, Update
from engine.cache import Engines
from engine.engine import Engine
from engine.languages import check_language

RESUME_S = 120.0  # so long a broken connection may come back to a session in memory; later, to the one on disk

Publish = Callable[[Update], None]


class Hello(BaseModel, frozen=True, extra="forbid"):
    """A client's first words."""

    model: str = Field(max_length=500)
    language: str | None = Field(default=None, max_length=20)
    session: str | None = Field(default=None, max_length=64, description="a session to go on with")
    kept_from: int = Field(default=0, ge=0, le=MAX_SAMPLE, description="the first sample that the client still has")


class LiveHub:
    """Opens, resumes and ends sessions. Loading a model takes seconds: call it from a thread."""

    def __init__(self, engines: Engines, runs: Path, live: Path, max_sessions: int = 64):
        self._engines, self._runs, self._live = engines, runs, live
        self._max_sessions = max_sessions
        self._streams: dict[str, LiveStream] = {}
        self._left: dict[str, float] = {}  # when its connection broke
        self._schedulers: dict[int, Scheduler] = {}  # by id(engine)
        self._lock = threading.RLock()

    def join(self, hello: Hello, publish: Publish) -> tuple[str, LiveStream]:
        """A new session, or the one that the client names, in memory or on disk.

        Raises FullError, ModelError, LanguageError, OptionError (a name that is none)."""
        engine = self._engines.get(hello.model, self._runs)
        if hello.language:
            check_language(hello.language, engine.tokenizer.languages)
        with self._lock:
            self.sweep()
            session = hello.session or new_id()
            record = Record(self._live, session)
            known = self._streams.get(session)
            if known:
                self._left.pop(session, None)
                known.publish_to(publish)
                return session, known
            if len(self._streams) >= self._max_sessions:
                raise FullError(f"all {self._max_sessions} places are taken; try again in a minute")
            stream = self._open(engine, hello, record, publish)
            self._streams[session] = stream
            return session, stream

    def change(self, session: str, hello: Hello, publish: Publish) -> LiveStream:
        """Another model or language from here on; what was heard so far is final first."""
        engine = self._engines.get(hello.model, self._runs)  # before anything ends: it may not be there
        if hello.language:
            check_language(hello.language, engine.tokenizer.languages)
        with self._lock:
            before = self._streams[session]
        before.finish()
        with self._lock:
            before.close()
            record = Record(self._live, session)
            after = self._open(engine, hello.model_copy(update={"kept_from": before.next_sample}), record, publish)
            self._streams[session] = after
            self._close_idle_schedulers()
            return after

    def rest(self, session: str) -> None:
        """The connection is gone; the session waits for it."""
        with self._lock:
            if session in self._streams:
                self._left[session] = time.monotonic()

    def end(self, session: str) -> None:
        with self._lock:
            self._left.pop(session, None)
            stream = self._streams.pop(session, None)
            if stream:
                stream.close()
            self._close_idle_schedulers()

    def sweep(self) -> None:
        """Ends the sessions whose connection never came back."""
        limit = time.monotonic() - RESUME_S
        for session in [s for s, left in self._left.items() if left < limit]:
            self.end(session)

    def close(self) -> None:
        for session in list(self._streams):
            self.end(session)

    def __len__(self) -> int:
        return len(self._streams)

    def _open(self, engine: Engine, hello: Hello, record: Record, publish: Publish) -> LiveStream:
        if id(engine) not in self._schedulers:
            self._schedulers[id(engine)] = Scheduler(engine, self._max_sessions)
        scheduler = self._schedulers[id(engine)]
        return LiveStream(record, scheduler, CaptionSession(hello.language or None), publish, hello.kept_from)

    def _close_idle_schedulers(self) -> None:
        for key, scheduler in list(self._schedulers.items()):
            if not len(scheduler):
                scheduler.close()
                del self._schedulers[key]
