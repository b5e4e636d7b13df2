"""Loaded engines, shared by every page, socket and session, and at most so many at once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from weakref import WeakValueDictionary

from engine.catalogue import resolve
from engine.engine import ContextChoice, Engine
from errors import ModelError

MAX_LOADED = 4
Key = tuple[Path, float, ContextChoice]


class Engines:
    """Each model directory is loaded once, by whoever asks first; the others wait for it.

    An engine lives as long as a session holds it (Python counts), and beyond that while there is room:
    for a new one, the idle one asked for longest ago is let go."""

    def __init__(self, load: Callable[..., Engine] = Engine, most: int = MAX_LOADED):
        self._load, self._most = load, most
        self._kept: OrderedDict[Key, Engine] = OrderedDict()  # the one asked for longest ago first
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
            return engine

    def __len__(self) -> int:
        return len(self._alive)

    def _make_room(self) -> None:
        while len(self._alive) >= self._most:
            if not self._kept:
                raise ModelError(f"{self._most} models are in use already; choose one of them, or wait for a place")
            self._kept.popitem(last=False)
