"""Loaded engines, shared by every page, socket and session, and at most so many at once."""

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Engine
from qal.engine.memory import give_back
from qal.errors import ModelError

MAX_LOADED = 4
IDLE_S = 1800.0  # after so long without a question the weights are dropped
TIDY_S = 60.0  # between two looks for idle ones
OUR_REFERENCES = 2  # to an engine that nobody uses: the dictionary's, and the one that counts
Key = tuple[Path, float, ContextChoice]


@dataclass(frozen=True)
class Loaded:
    """An engine that is in memory."""

    directory: Path
    context: ContextChoice
    in_use: bool
    idle_s: float  # since it was asked for


class Engines:
    """Each model directory is loaded once, by whoever asks first; the others wait for it.

    An engine lives as long as a session holds it (Python counts), and beyond that while there is room and it is asked
    for now and then: for a new one, the idle one asked for longest ago is let go."""

    def __init__(self, load: Callable[..., Engine] = Engine, most: int = MAX_LOADED):
        self._load, self._most = load, most
        self._kept: OrderedDict[Key, Engine] = OrderedDict()  # the one asked for longest ago first
        self._asked: dict[Key, float] = {}  # when, on the monotonic clock
        self._alive: WeakValueDictionary[Key, Engine] = WeakValueDictionary()  # these, and what sessions hold
        self._lock = threading.Lock()

    def get(self, model: str, runs: Path, context: ContextChoice = "auto") -> Engine:
        """The engine of a catalogue name, a run's id or a directory; a run trained anew is loaded anew.

        Raises ModelError, also when all places are in use."""
        directory = resolve(model, runs).resolve()
        key = (directory, (directory / "model.bin").stat().st_mtime, context)
        with self._lock:
            engine = self._alive.get(key)
            if engine is None:
                self._make_room()
                engine = self._alive[key] = self._load(directory, context=context)
            self._kept[key] = engine
            self._kept.move_to_end(key)
            self._asked[key] = time.monotonic()
            return engine

    def loaded(self) -> list[Loaded]:
        """What is in memory, the one asked for longest ago first."""
        now = time.monotonic()
        with self._lock:
            known = {key: self._is_used(key) for key in self._kept}
            held = {key: True for key in list(self._alive) if key not in known}  # let go here, but a session has it
            return [
                Loaded(key[0], key[2], used, now - self._asked.get(key, now)) for key, used in {**held, **known}.items()
            ]

    def let_go(self, idle_s: float = 0.0) -> int:
        """Drops what nobody uses and nobody has asked for in `idle_s`; -> how many."""
        now = time.monotonic()
        with self._lock:
            idle = [key for key in self._kept if not self._is_used(key) and now - self._asked[key] >= idle_s]
            for key in idle:
                del self._kept[key], self._asked[key]
        if idle:
            give_back()
        return len(idle)

    def keep_tidy(self, idle_s: float = IDLE_S) -> None:
        """Now and every minute: drops what is idle for so long."""
        again = threading.Timer(TIDY_S, self.keep_tidy, [idle_s])
        again.daemon = True
        again.start()
        self.let_go(idle_s)

    def __len__(self) -> int:
        return len(self._alive)

    def _is_used(self, key: Key) -> bool:
        return sys.getrefcount(self._kept[key]) > OUR_REFERENCES

    def _make_room(self) -> None:
        while len(self._alive) >= self._most:
            if not self._kept:
                raise ModelError(f"{self._most} models are in use already; choose one of them, or wait for a place")
            oldest = next(iter(self._kept))  # the engine itself is bound to no name, or it would stay
            del self._kept[oldest], self._asked[oldest]
