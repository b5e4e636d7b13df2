"""Cache of loaded engines, shared by all pages, sockets and sessions and limited in number."""

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Engine, load_for_many_callers
from qal.engine.memory import release_free_memory
from qal.engine.model_directory import METADATA_FILE
from qal.errors import ModelError

MAX_LOADED = 4
IDLE_TIMEOUT_S = 1800.0  # without a request; then an unused engine is unloaded
UNLOAD_INTERVAL_S = 60.0
CACHE_REFERENCES = 2  # to an unused engine: the dictionary's and getrefcount's argument
Key = tuple[Path, tuple[float, ...], ContextChoice]  # directory, modification times of its files, context


@dataclass(frozen=True)
class LoadedEngine:
    """State of an engine that is in memory."""

    directory: Path
    context: ContextChoice
    in_use: bool
    idle_s: float  # since the last request for it


class EngineCache:
    """Loads each model directory once; concurrent requests for it wait for the first one, and for no other model.

    An engine stays loaded while a session holds a reference to it. Unused engines stay loaded until they were idle
    for too long or a new engine needs their slot; then the least recently used one is unloaded."""

    def __init__(self, load: Callable[..., Engine] = load_for_many_callers, max_loaded: int = MAX_LOADED):
        self._load, self._max_loaded = load, max_loaded
        self._cached: OrderedDict[Key, Engine] = OrderedDict()  # least recently used first
        self._last_used_s: dict[Key, float] = {}  # monotonic clock
        self._alive: WeakValueDictionary[Key, Engine] = WeakValueDictionary()  # cached, or held by a session
        self._loading: dict[Key, Future[Engine]] = {}
        self._lock = threading.Lock()

    def get(self, model: str, runs: Path, context: ContextChoice = "auto") -> Engine:
        """Returns the engine of a catalogue name, a run's id or a directory.

        A model whose weights or qal.json changed on disk is loaded again. Raises ModelError, also if all loaded
        engines are in use."""
        directory = resolve(model, runs).resolve()
        key = (directory, _modification_times(directory), context)
        with self._lock:
            engine, loading = self._alive.get(key), self._loading.get(key)
            if engine is not None:
                return self._keep(key, engine)
            if loading is None:
                self._free_slot()
                self._loading[key] = Future()
        return self._load_now(key) if loading is None else loading.result()

    def _load_now(self, key: Key) -> Engine:
        """Loads an engine without the lock, so that requests for other engines are answered meanwhile."""
        try:
            engine = self._load(key[0], context=key[2])
        except BaseException as error:
            with self._lock:
                self._loading.pop(key).set_exception(error)
            raise
        with self._lock:
            waiting = self._loading.pop(key)
            self._alive[key] = engine
            self._keep(key, engine)
        waiting.set_result(engine)
        return engine

    def _keep(self, key: Key, engine: Engine) -> Engine:
        """Makes an engine the one that was used last; the caller holds the lock."""
        self._cached[key] = engine
        self._cached.move_to_end(key)
        self._last_used_s[key] = time.monotonic()
        return engine

    def loaded(self) -> list[LoadedEngine]:
        """Lists the engines in memory, least recently used first."""
        now_s = time.monotonic()
        with self._lock:
            in_use = {key: True for key in list(self._alive) if key not in self._cached}  # held by sessions only
            in_use |= {key: self._is_used(key) for key in self._cached}
            return [
                LoadedEngine(key[0], key[2], is_used, now_s - self._last_used_s.get(key, now_s))
                for key, is_used in in_use.items()
            ]

    def unload_idle(self, idle_s: float = 0.0) -> int:
        """Unloads the unused engines without a request in the last `idle_s` seconds; returns their number."""
        now_s = time.monotonic()
        with self._lock:
            idle = [key for key in self._cached if not self._is_used(key) and now_s - self._last_used_s[key] >= idle_s]
            for key in idle:
                del self._cached[key], self._last_used_s[key]
        if idle:
            release_free_memory()
        return len(idle)

    def start_idle_unloading(self, idle_s: float = IDLE_TIMEOUT_S) -> None:
        """Unloads idle engines now and every UNLOAD_INTERVAL_S, in a daemon thread."""
        timer = threading.Timer(UNLOAD_INTERVAL_S, self.start_idle_unloading, [idle_s])
        timer.daemon = True
        timer.start()
        self.unload_idle(idle_s)

    def __len__(self) -> int:
        return len(self._alive)

    def _is_used(self, key: Key) -> bool:
        return sys.getrefcount(self._cached[key]) > CACHE_REFERENCES

    def _free_slot(self) -> None:
        while len(self._alive) + len(self._loading) >= self._max_loaded:
            if not self._cached:
                raise ModelError(f"{self._max_loaded} models are in use, the maximum; choose one of them or try later")
            oldest = next(iter(self._cached))  # the key only: a name for the engine would keep it alive
            del self._cached[oldest], self._last_used_s[oldest]


def _modification_times(directory: Path) -> tuple[float, ...]:
    """Returns when the weights and, if there are any, the metadata of a model directory were written."""
    files = (directory / "model.bin", directory / METADATA_FILE)
    return tuple(path.stat().st_mtime for path in files if path.is_file())
