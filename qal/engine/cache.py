"""Cache of loaded engines, shared by all pages, sockets and sessions and limited in number and memory.

What `get` returns is in use for as long as a caller has it: the cache keeps the loaded engine, and callers share one
copy of it (of the object, not of the weights) that the cache holds only weakly. When the last caller lets it go, the
engine is idle."""

import copy
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary, finalize

import psutil

from qal.engine.catalogue import resolve
from qal.engine.engine import ContextChoice, Engine
from qal.engine.memory import release_free_memory
from qal.engine.model_directory import METADATA_FILE
from qal.engine.settings.cache_limits import CacheLimits
from qal.engine.settings.device import threads_and_workers
from qal.errors import ModelError

UNLOAD_INTERVAL_S = 60.0
BYTES_PER_MB = 1e6
Key = tuple[Path, tuple[float, ...], ContextChoice]  # directory, modification times of its files, context


@dataclass(frozen=True)
class LoadedEngine:
    """State of an engine that is in memory."""

    directory: Path
    context: ContextChoice
    in_use: bool
    idle_s: float  # since it was requested or released last
    memory_mb: float = 0.0  # by which the process grew while it was loaded, or the size of its weights


@dataclass(frozen=True)
class CacheStatistics:
    """Counts of requests, loaded and unloaded models since the cache was made."""

    hits: int = 0  # requests for an engine that was in memory
    waits: int = 0  # requests that waited for an engine which another request was loading
    loads: int = 0
    failed_loads: int = 0
    evictions: int = 0  # to make room for another engine
    expirations: int = 0  # after it was idle for too long, or by hand


@dataclass
class CachedEngine:
    """An engine in memory."""

    engine: Engine
    memory_mb: float
    last_used_s: float = 0.0  # monotonic clock

    def touch(self) -> None:
        """Notes that the engine was requested or released now."""
        self.last_used_s = time.monotonic()


def load_for_many_callers(directory: Path, context: ContextChoice = "auto") -> Engine:
    """Loads a model for a server, whose requests are transcribed at the same time. Raises ModelError."""
    threads, workers = threads_and_workers("auto")
    return Engine(directory, context=context, threads=threads, workers=workers)


class EngineCache:
    """Loads each model directory once; concurrent requests for it wait for the first one, and for no other model.

    Nothing in use is unloaded. Unused engines stay loaded until they were idle for too long, or until a new engine
    needs their place or their memory; then the least recently used one is unloaded."""

    def __init__(self, load: Callable[..., Engine] = load_for_many_callers, limits: CacheLimits | None = None):
        """Makes an empty cache.

        Args:
            load: loads a model directory with a context.
            limits: None: as the environment variables say.

        Raises:
            OptionError: an environment variable has a wrong value.
        """
        self.limits = limits or CacheLimits.from_environment()
        self._load = load
        self._cached: OrderedDict[Key, CachedEngine] = OrderedDict()  # least recently used first
        self._held: WeakValueDictionary[Key, Engine] = WeakValueDictionary()  # what callers hold
        self._loading: dict[Key, Future[Engine]] = {}
        self._expected_mb: dict[Key, float] = {}  # of the engines that are being loaded
        self._measured_mb: dict[Key, float] = {}  # of all engines that were loaded once
        self._counts = dict.fromkeys(CacheStatistics.__dataclass_fields__, 0)
        self._lock = threading.Lock()

    def get(self, model: str, runs: Path, context: ContextChoice = "auto") -> Engine:
        """Returns the engine of a catalogue name, a run's id or a directory.

        A model whose weights or qal.json changed on disk is loaded again. Raises ModelError, also if all loaded
        engines are in use or their memory is."""
        directory = resolve(model, runs).resolve()
        key = (directory, _modification_times(directory), context)
        with self._lock:
            loading = self._loading.get(key)
            if key in self._cached:
                self._counts["hits"] += 1
                return self._hold(key)
            if loading is None:
                self._make_room(key)
                self._loading[key] = Future()
            else:
                self._counts["waits"] += 1
        return self._load_now(key) if loading is None else loading.result()

    def _load_now(self, key: Key) -> Engine:
        """Loads an engine without the lock, so that requests for other engines are answered meanwhile."""
        before_mb, was_alone = _process_mb(), len(self._loading) == 1
        try:
            engine = self._load(key[0], context=key[2])
        except BaseException as error:
            with self._lock:
                self._counts["failed_loads"] += 1
                del self._expected_mb[key]
                self._loading.pop(key).set_exception(error)
            raise
        grown_mb = _process_mb() - before_mb
        with self._lock:
            expected_mb = self._expected_mb.pop(key)
            is_measured = was_alone and len(self._loading) == 1 and grown_mb >= expected_mb / 4
            self._measured_mb[key] = grown_mb if is_measured else expected_mb
            self._cached[key] = CachedEngine(engine, self._measured_mb[key])
            self._counts["loads"] += 1
            held = self._hold(key)
            self._keep_within_memory()
            waiting = self._loading.pop(key)
        waiting.set_result(held)
        return held

    def _hold(self, key: Key) -> Engine:
        """Returns what callers share of a cached engine, which is the last used one now; the caller has the lock."""
        cached = self._cached[key]
        self._cached.move_to_end(key)
        cached.touch()
        held = self._held.get(key)
        if held is None:
            held = copy.copy(cached.engine)
            self._held[key] = held
            finalize(held, cached.touch).atexit = False
        return held

    def loaded(self) -> list[LoadedEngine]:
        """Lists the engines in memory, least recently used first."""
        now_s = time.monotonic()
        with self._lock:
            return [
                LoadedEngine(key[0], key[2], key in self._held, now_s - cached.last_used_s, cached.memory_mb)
                for key, cached in self._cached.items()
            ]

    def statistics(self) -> CacheStatistics:
        """Returns what was counted since the cache was made."""
        with self._lock:
            return CacheStatistics(**self._counts)

    def unload_idle(self, idle_s: float = 0.0) -> int:
        """Unloads the engines that were unused for the last `idle_s` seconds; returns their number."""
        now_s = time.monotonic()
        with self._lock:
            idle = [key for key in self._unused() if now_s - self._cached[key].last_used_s >= idle_s]
            for key in idle:
                del self._cached[key]
            self._counts["expirations"] += len(idle)
        if idle:
            release_free_memory()
        return len(idle)

    def start_idle_unloading(self) -> None:
        """Unloads engines that are idle for too long, now and every UNLOAD_INTERVAL_S, in a daemon thread."""
        if not self.limits.idle_s:
            return
        timer = threading.Timer(UNLOAD_INTERVAL_S, self.start_idle_unloading)
        timer.daemon = True
        timer.start()
        self.unload_idle(self.limits.idle_s)

    def __len__(self) -> int:
        return len(self._cached)

    def _unused(self) -> list[Key]:
        """Lists the engines without a caller, least recently used first; the caller has the lock."""
        return [key for key in self._cached if key not in self._held]

    def _make_room(self, key: Key) -> None:
        """Unloads unused engines until there are a place and the memory for another one; the caller has the lock.

        Raises ModelError if that is not possible."""
        expected_mb = self._measured_mb.get(key) or _weights_mb(key[0])
        limits = self.limits
        if limits.memory_limit_mb and expected_mb > limits.memory_limit_mb:
            raise ModelError(
                f"this model needs about {expected_mb:.0f} MB and models may use {limits.memory_limit_mb} MB; choose a "
                "smaller one, or set QAL_MODEL_CACHE_MEMORY_LIMIT higher"
            )
        while len(self._cached) + len(self._loading) >= limits.max_models:
            if not self._evict():
                raise ModelError(f"{limits.max_models} models are in use, the maximum; choose one of them or try later")
        while limits.memory_limit_mb and self._used_mb() + expected_mb > limits.memory_limit_mb:
            if not self._evict():
                raise ModelError(
                    f"the models in use need {self._used_mb():.0f} MB of the {limits.memory_limit_mb} MB that models "
                    "may use; choose one of them or try later"
                )
        self._expected_mb[key] = expected_mb

    def _keep_within_memory(self) -> None:
        """Unloads unused engines where a new one is larger than was expected; the caller has the lock."""
        while self.limits.memory_limit_mb and self._used_mb() > self.limits.memory_limit_mb and self._evict():
            pass

    def _used_mb(self) -> float:
        return sum(cached.memory_mb for cached in self._cached.values()) + sum(self._expected_mb.values())

    def _evict(self) -> bool:
        """Unloads the least recently used of the unused engines; False if there is none. The caller has the lock."""
        unused = self._unused()
        if not unused:
            return False
        del self._cached[unused[0]]
        self._counts["evictions"] += 1
        release_free_memory()
        return True


def _modification_times(directory: Path) -> tuple[float, ...]:
    """Returns when the weights and, if there are any, the metadata of a model directory were written."""
    files = (directory / "model.bin", directory / METADATA_FILE)
    return tuple(path.stat().st_mtime for path in files if path.is_file())


def _weights_mb(directory: Path) -> float:
    weights = directory / "model.bin"
    return weights.stat().st_size / BYTES_PER_MB if weights.is_file() else 0.0


def _process_mb() -> float:
    """Returns the resident memory of this process."""
    return psutil.Process().memory_info().rss / BYTES_PER_MB
