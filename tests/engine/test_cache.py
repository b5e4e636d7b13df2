"""The engine cache: engines are shared, limited in number, and unloaded when they are idle."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qal.engine.cache import EngineCache
from qal.engine.engine import shared_cores
from qal.errors import ModelError
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
    return EngineCache(load, max_loaded=2)


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
from qal.engine.engine import shared_cores
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
