"""The engine cache: engines are shared, limited in number, and unloaded when they are idle."""

import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qal.engine.cache import CacheStatistics, EngineCache
from qal.engine.engine import FULL_CONTEXT
from qal.engine.settings.cache_limits import CacheLimits
from qal.engine.settings.device import shared_cores
from qal.errors import ModelError, OptionError
from tests.fakes import ScriptedEngine

ROOT = Path(__file__).parents[2]


class WeaklyReferencedEngine(ScriptedEngine): ...


@pytest.fixture
def loads() -> list[Path]:
    return []


@pytest.fixture
def engines(loads: list[Path], tmp_path: Path) -> EngineCache:
    def load(directory: Path, context: str) -> Any:
        loads.append(directory)
        return WeaklyReferencedEngine()

    for name in "abc":
        (tmp_path / name).mkdir()
        for file in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
            (tmp_path / name / file).write_text("{}")
    return EngineCache(load, CacheLimits(max_models=2))


def get(engines: EngineCache, tmp_path: Path, name: str):
    return engines.get(str(tmp_path / name), tmp_path)


@pytest.mark.parametrize(("cores", "threads", "workers"), [(1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 1, 4), (16, 4, 4)])
def test_a_server_shares_the_cores_among_calls(cores: int, threads: int, workers: int):
    assert shared_cores(cores) == (threads, workers)


def test_model_is_loaded_once_and_stays_while_there_is_a_free_slot(engines, loads, tmp_path):
    assert get(engines, tmp_path, "a") is get(engines, tmp_path, "a")
    get(engines, tmp_path, "b")
    get(engines, tmp_path, "a")
    assert len(loads) == len(engines) == 2


def test_least_recently_used_idle_engine_is_unloaded_for_a_new_one(engines, loads, tmp_path):
    for name in "abac":
        get(engines, tmp_path, name)
    get(engines, tmp_path, "a")
    assert [path.name for path in loads] == ["a", "b", "c"]
    assert len(engines) == 2


def test_engine_held_by_a_session_is_neither_loaded_twice_nor_unloaded(engines, loads, tmp_path):
    held = get(engines, tmp_path, "a")
    for name in "bcbc":
        get(engines, tmp_path, name)
    assert get(engines, tmp_path, "a") is held
    assert loads[0].name == "a"
    assert [path.name for path in loads].count("a") == 1


def test_all_engines_in_use_is_an_error_until_one_is_free(engines, tmp_path):
    held = [get(engines, tmp_path, "a"), get(engines, tmp_path, "b")]
    with pytest.raises(ModelError, match="2 models are in use"):
        get(engines, tmp_path, "c")
    held.pop()
    get(engines, tmp_path, "c")
    assert len(engines) == 2


def test_changed_context_in_the_metadata_loads_the_model_again(engines, loads, tmp_path):
    get(engines, tmp_path, "a")
    (tmp_path / "a" / "qal.json").write_text("{}")
    get(engines, tmp_path, "a")
    os.utime(tmp_path / "a" / "qal.json", (1, 1))
    get(engines, tmp_path, "a")
    get(engines, tmp_path, "a")
    assert len(loads) == 3


def test_changed_model_file_is_loaded_again(engines, loads, tmp_path):
    get(engines, tmp_path, "a")
    os.utime(tmp_path / "a" / "model.bin", (1, 1))
    get(engines, tmp_path, "a")
    assert len(loads) == 2


def test_idle_engines_are_unloaded_and_used_ones_stay(engines, loads, tmp_path):
    held = get(engines, tmp_path, "a")
    get(engines, tmp_path, "b")
    assert [(e.directory.name, e.in_use) for e in engines.loaded()] == [("a", True), ("b", False)]
    assert engines.unload_idle(idle_s=60) == 0
    assert engines.unload_idle() == 1
    assert [(e.directory.name, e.in_use) for e in engines.loaded()] == [("a", True)]
    assert get(engines, tmp_path, "a") is held
    del held
    assert engines.unload_idle() == 1
    assert len(engines) == len(engines.loaded()) == 0


def test_recently_requested_engine_is_not_idle(engines, tmp_path, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("qal.engine.cache.time.monotonic", lambda: now_s[0])
    get(engines, tmp_path, "a")
    now_s[0] += 50
    get(engines, tmp_path, "b")
    now_s[0] += 50
    assert engines.unload_idle(idle_s=80) == 1
    assert [e.directory.name for e in engines.loaded()] == ["b"]


def test_unloaded_engine_held_by_a_session_is_still_listed_and_reused(engines, tmp_path):
    held = get(engines, tmp_path, "a")
    for name in "bcb":
        get(engines, tmp_path, name)
    assert ("a", True) in [(e.directory.name, e.in_use) for e in engines.loaded()]
    assert held is get(engines, tmp_path, "a")


MEASURE_FREED_MEMORY = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
import numpy, psutil
from pathlib import Path
from qal.engine.settings.device import shared_cores
from qal.engine.cache import EngineCache
from qal.engine.engine import Utterance
engines, process = EngineCache(), psutil.Process()
engines.get(sys.argv[1], Path("runs")).transcribe([Utterance(numpy.zeros(16_000, numpy.float32), "en")])
loaded = process.memory_info().rss
engines.unload_idle()
print((loaded - process.memory_info().rss) / 1e6)
"""


def test_memory_of_an_unloaded_engine_returns_to_the_system(base_directory):
    command = [sys.executable, "-c", MEASURE_FREED_MEMORY, str(base_directory)]
    freed_mb = float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert freed_mb > 50


def test_loaded_engine_is_returned_while_another_loads(tmp_path, engines):
    get(engines, tmp_path, "a")
    loading, released = threading.Event(), threading.Event()

    def load_slowly(directory: Path, context: str) -> Any:
        loading.set()
        assert released.wait(10)
        return WeaklyReferencedEngine()

    engines._load = load_slowly
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(get, engines, tmp_path, "b") for _ in range(2)]
        assert loading.wait(10)
        assert get(engines, tmp_path, "a")  # would wait for ever with one lock
        released.set()
        assert both[0].result(10) is both[1].result(10)


def test_failed_load_fails_everyone_who_waits_and_can_be_tried_again(tmp_path, engines):
    real, engines._load = engines._load, lambda *_, **__: 1 / 0
    with pytest.raises(ZeroDivisionError):
        get(engines, tmp_path, "a")
    engines._load = real
    assert get(engines, tmp_path, "a")


def test_engine_with_another_context_keeps_its_weights_in_use(base_directory, tmp_path):
    engines = EngineCache(limits=CacheLimits())
    full = engines.get(str(base_directory), tmp_path).with_context(FULL_CONTEXT)
    assert [e.in_use for e in engines.loaded()] == [True]
    del full
    assert [e.in_use for e in engines.loaded()] == [False]


def test_engine_is_idle_from_its_release_on_and_not_from_its_request(engines, tmp_path, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("qal.engine.cache.time.monotonic", lambda: now_s[0])
    held = get(engines, tmp_path, "a")
    now_s[0] += 50
    del held
    now_s[0] += 10
    assert [e.idle_s for e in engines.loaded()] == [10]


def test_least_recently_released_engine_makes_room(engines, tmp_path):
    held = get(engines, tmp_path, "a")
    get(engines, tmp_path, "b")
    get(engines, tmp_path, "c")
    assert [e.directory.name for e in engines.loaded()] == ["a", "c"]
    assert held


def test_cache_counts_hits_waits_loads_evictions_and_expirations(engines, tmp_path):
    for name in "aabca":
        get(engines, tmp_path, name)
    engines.unload_idle()
    assert engines.statistics() == CacheStatistics(hits=1, loads=4, evictions=2, expirations=2)


def test_waiting_requests_are_counted(engines, tmp_path):
    real, loading, released = engines._load, threading.Event(), threading.Event()

    def load_slowly(directory: Path, context: str) -> Any:
        loading.set()
        assert released.wait(10)
        return real(directory, context=context)

    engines._load = load_slowly
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(get, engines, tmp_path, "a")
        assert loading.wait(10)
        others = [pool.submit(get, engines, tmp_path, "a") for _ in range(2)]
        while engines.statistics().waits < 2:
            threading.Event().wait(0.001)
        released.set()
        assert {id(f.result(10)) for f in (first, *others)} == {id(first.result())}
    assert engines.statistics() == CacheStatistics(loads=1, waits=2)


def weigh(tmp_path: Path, mb: float) -> None:
    """Makes the weights of all models this large, without using the space on disk."""
    for path in tmp_path.glob("*/model.bin"):
        with path.open("wb") as file:
            file.truncate(round(mb * 1e6))


def test_memory_limit_unloads_unused_engines_and_spares_used_ones(engines, tmp_path):
    weigh(tmp_path, 400)
    engines.limits = CacheLimits(memory_limit_mb=1000)
    held = get(engines, tmp_path, "a")
    get(engines, tmp_path, "b")
    get(engines, tmp_path, "c")
    assert [(e.directory.name, e.in_use) for e in engines.loaded()] == [("a", True), ("c", False)]
    assert sum(e.memory_mb for e in engines.loaded()) == 800
    also_held = get(engines, tmp_path, "c")
    with pytest.raises(ModelError, match="the models in use need 800 MB of the 1000 MB"):
        get(engines, tmp_path, "b")
    assert held is not also_held


def test_model_that_is_larger_than_the_memory_limit_is_refused_and_unloads_nothing(engines, loads, tmp_path):
    get(engines, tmp_path, "a")
    weigh(tmp_path, 2000)
    engines.limits = CacheLimits(memory_limit_mb=1000)
    with pytest.raises(ModelError, match="needs about 2000 MB and models may use 1000 MB"):
        get(engines, tmp_path, "b")
    assert len(engines) == len(loads) == 1


def test_limits_come_from_the_environment(monkeypatch):
    assert CacheLimits.from_environment({}) == CacheLimits(max_models=5, idle_s=3600, memory_limit_mb=0)
    monkeypatch.setenv("QAL_MODEL_CACHE_SIZE", "2")
    monkeypatch.setenv("QAL_MODEL_CACHE_TTL", "60")
    monkeypatch.setenv("QAL_MODEL_CACHE_MEMORY_LIMIT", "1500")
    assert EngineCache().limits == CacheLimits(max_models=2, idle_s=60, memory_limit_mb=1500)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SIZE", "0"),
        ("SIZE", "many"),
        ("SIZE", "2.5"),
        ("TTL", "-1"),
        ("TTL", "inf"),
        ("TTL", "nan"),
        ("MEMORY_LIMIT", "1GB"),
    ],
)
def test_wrong_limit_in_the_environment_is_one_clear_sentence(variable: str, value: str):
    with pytest.raises(OptionError, match=f"^QAL_MODEL_CACHE_{variable}={value} is not possible; set it to a [a-z ]+"):
        CacheLimits.from_environment({f"QAL_MODEL_CACHE_{variable}": value})


def test_concurrent_requests_never_exceed_the_limit_or_lose_an_engine_in_use(engines, loads, tmp_path):
    engines.limits = CacheLimits(max_models=2)
    failures: list[str] = []

    def use(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(60):
            name = rng.choice("abc")
            try:
                held = get(engines, tmp_path, name)
            except ModelError:
                continue
            listed = {e.directory.name: e.in_use for e in engines.loaded()}
            if not listed.get(name) or len(listed) > 2:
                failures.append(f"{name}: {listed}")
            if get(engines, tmp_path, name) is not held:
                failures.append(f"{name} was loaded twice")
            del held

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(use, range(6)))
    assert not failures
    assert engines.statistics().loads == len(loads)
    assert not any(e.in_use for e in engines.loaded())
