"""The live sessions of a server: found again by their id, one scheduler for each engine.

A session belongs to the connection that joined it last. Joining, changing and finishing may take long (a model is
loaded, a queue is read); they and the packets run in threads of the hub's own."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.captions.protocol import MAX_SAMPLE
from qal.captions.record import Record, new_id, sweep
from qal.captions.resumable_session import LiveStream, Publish
from qal.captions.scheduler import BusyError, Scheduler
from qal.captions.session import MAX_EXPECTED, CaptionSession, Mode, SessionOptions
from qal.engine.cache import Engines
from qal.engine.engine import Engine
from qal.engine.languages import check_language
from qal.errors import LanguageError, ModelError, QalError

RESUME_S = 120.0  # so long a broken connection may come back to a session in memory; later, to the one on disk
TIDY_S = 60.0  # between two looks for what is over

LOG = logging.getLogger("qal")


class SupersededError(QalError):
    """Another connection has this session now."""


class Settings(BaseModel, frozen=True, extra="forbid"):
    model: str = Field(max_length=500)
    language: str | None = Field(default=None, max_length=20)
    task: Literal["transcribe", "translate"] = "transcribe"
    mode: Mode = "gated"
    expect: str = Field(default="", max_length=MAX_EXPECTED)
    previous_text: bool = False
    gate: GateOptions = DEFAULT_GATE
    keep_sound: bool = Field(default=False, description="the speaker wants the sound kept, from here on")


class Hello(Settings, frozen=True):
    """A client's first words."""

    session: str | None = Field(default=None, max_length=64, description="a session to go on with")
    kept_from: int = Field(default=0, ge=0, le=MAX_SAMPLE, description="the first sample that the client still has")
    last_index: int = Field(default=-1, ge=-1, le=MAX_SAMPLE, description="of the last final caption it has seen")


@dataclass(eq=False)
class Place:
    """A session on this server. `owner` is the connection that may use it."""

    id: str
    stream: LiveStream
    settings: Settings
    owner: object
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while the owner uses the stream
    left: float | None = None  # when its connection broke
    over: bool = False  # whoever comes back now goes on from disk


class LiveHub:
    """`offered` names the models that a page may ask for."""

    def __init__(
        self, engines: Engines, runs: Path, live: Path, offered: Callable[[], Collection[str]], max_sessions: int = 64
    ):
        self._engines, self._runs, self._live, self._offered = engines, runs, live, offered
        self._max_sessions = max_sessions
        self._places: dict[str, Place] = {}
        self._schedulers: dict[int, Scheduler] = {}  # by id(engine)
        self._lock = threading.Lock()
        self._tidier: threading.Timer | None = None
        self.packets = ThreadPoolExecutor(max_sessions, "live-packets")
        self.slow = ThreadPoolExecutor(max_sessions, "live-slow")

    def join(self, hello: Hello, owner: object, publish: Publish) -> Place:
        """A new session, or the one that the client names, in memory or on disk.

        Raises BusyError, ModelError, LanguageError, OptionError (a name that is none)."""
        self.sweep()
        record = Record(self._live, hello.session or new_id())
        engine = self._engine(hello)
        place = self._found_or_made(hello, record, engine, owner, publish)
        with place.lock:  # an old connection's last packet
            if place.over:  # it was just about to end
                return self.join(hello, owner, publish)
            if place.settings.keep_sound and not hello.keep_sound:  # taken back while there was no connection
                place.stream.keep_sound(False)
                place.settings = place.settings.model_copy(update={"keep_sound": False})
            place.stream.resume(publish, hello.last_index)
        return place

    def _found_or_made(self, hello: Hello, record: Record, engine: Engine, owner: object, publish: Publish) -> Place:
        name = record.folder.name
        with self._lock:
            place = self._places.get(name)
            if not place:
                if len(self._places) >= self._max_sessions:
                    raise BusyError(f"all {self._max_sessions} places are taken; try again in a minute")
                stream = self._open(engine, hello, record, publish, hello.kept_from)
                place = self._places[name] = Place(name, stream, settings_of(hello), owner)
            place.owner, place.left = owner, None
            return place

    def take(self, place: Place, owner: object, data: bytes) -> None:
        with place.lock:
            require_owner(place, owner)
            place.stream.take(data)

    def change(self, place: Place, owner: object, settings: Settings, publish: Publish) -> None:
        """Another model or language from here on; what was heard so far is final first.

        When the new one cannot be had, nothing changes. Keeping the sound, or no longer, ends no caption."""
        engine = self._engine(settings)  # before anything ends
        with place.lock:
            require_owner(place, owner)
            place.stream.keep_sound(settings.keep_sound)
            if not captioned_alike(settings, place.settings):
                self._reopen(place, engine, settings, publish)
            place.settings = settings_of(settings)
        self._close_idle_schedulers()

    def finish(self, place: Place, owner: object) -> None:
        """All is final, and the session is over."""
        with place.lock:
            require_owner(place, owner)
            place.stream.finish()
        self.end(place)

    def rest(self, place: Place, owner: object) -> None:
        """The connection is gone; the session waits for it to come back."""
        with self._lock:
            if place.owner is owner:
                place.left = time.monotonic()

    def end(self, place: Place) -> None:
        with self._lock:
            self._places.pop(place.id, None)
        place.stream.close()
        self._close_idle_schedulers()

    def sweep(self) -> None:
        """Ends the sessions whose connection never came back; what was heard of them is final on disk first."""
        limit = time.monotonic() - RESUME_S
        with self._lock:
            left = [p for p in self._places.values() if p.left is not None and p.left < limit]
        for place in left:
            with place.lock:
                if place.left is not None:  # else it came back just now
                    self._finish_left(place)

    def _finish_left(self, place: Place) -> None:
        """Holding the place's lock."""
        try:
            place.stream.finish()
        except QalError as error:
            LOG.warning("a session that was left could not be finished: %s", error)
        place.over = True
        self.end(place)

    def keep_tidy(self, kept_days: float) -> None:
        """Now and every minute: ends sessions that nobody came back to, deletes what was said so long ago."""
        self._tidier = threading.Timer(TIDY_S, self.keep_tidy, [kept_days])
        self._tidier.daemon = True
        self._tidier.start()
        self.sweep()
        sweep(self._live, kept_days, spared=set(self._places))

    def close(self) -> None:
        if self._tidier:
            self._tidier.cancel()
        for place in list(self._places.values()):
            self.end(place)
        self.packets.shutdown(wait=False)
        self.slow.shutdown(wait=False)

    def __len__(self) -> int:
        return len(self._places)

    def _engine(self, settings: Settings) -> Engine:
        if settings.model not in self._offered():
            raise ModelError(f"this server does not offer the model '{settings.model}'; choose one of its list")
        engine = self._engines.get(settings.model, self._runs)
        if settings.language:
            check_language(settings.language, engine.tokenizer.languages)
        if settings.task == "translate" and not engine.tokenizer.multilingual:
            raise LanguageError(f"the model '{settings.model}' cannot translate; choose a multilingual one")
        return engine

    def _open(self, engine: Engine, settings: Settings, record: Record, publish: Publish, kept_from: int) -> LiveStream:
        """Holding `_lock`."""
        if id(engine) not in self._schedulers:
            self._schedulers[id(engine)] = Scheduler(engine, self._max_sessions, engine.workers)
        scheduler = self._schedulers[id(engine)]
        options = SessionOptions(mode=settings.mode, expect=settings.expect, previous_text=settings.previous_text)
        session = CaptionSession(settings.language or None, settings.gate, options, task=settings.task)
        return LiveStream(record, scheduler, session, publish, kept_from, settings.keep_sound)

    def _reopen(self, place: Place, engine: Engine, settings: Settings, publish: Publish) -> None:
        """Holding the place's lock."""
        before = place.stream
        before.finish()
        before.close()
        with self._lock:
            record = Record(self._live, place.id)
            place.stream = self._open(engine, settings, record, publish, before.next_sample)

    def _close_idle_schedulers(self) -> None:
        with self._lock:
            idle = [key for key, scheduler in self._schedulers.items() if not len(scheduler)]
            closing = [self._schedulers.pop(key) for key in idle]
        for scheduler in closing:
            scheduler.close()


def require_owner(place: Place, owner: object) -> None:
    if place.owner is not owner:
        raise SupersededError("this recording goes on over another connection")


def captioned_alike(some: Settings, others: Settings) -> bool:
    """Whether both make the same captions of the same sound."""
    fields = set(Settings.model_fields) - {"keep_sound"}
    return some.model_dump(include=fields) == others.model_dump(include=fields)


def settings_of(wider: Settings) -> Settings:
    return Settings.model_validate(wider.model_dump(include=set(Settings.model_fields), exclude_unset=True))
