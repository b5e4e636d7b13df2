"""Engines are shared, counted and let go."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qal.engine.cache import Engines
from qal.errors import ModelError
from tests.fakes import ScriptedEngine

ROOT = Path(__file__).parents[2]


class Loaded(ScriptedEngine): ...


@pytest.fixture
def loads() -> list[Path]:
    return []


@pytest.fixture
def engines(loads: list[Path], tmp_path: Path) -> Engines:
    def load(directory: Path, context: str) -> Any:
        loads.append(directory)
        return Loaded()

    for name in "abc":
        (tmp_path / name).mkdir()
        for file in ("model.bin", "config.json", "tokenizer.json", "vocabulary.json"):
            (tmp_path / name / file).write_text("{}")
    return Engines(load, most=2)


def get(engines: Engines, tmp_path: Path, name: str):
    return engines.get(str(tmp_path / name), tmp_path)


def test_a_model_is_loaded_once_and_stays_while_there_is_room(engines, loads, tmp_path):
    assert get(engines, tmp_path, "a") is get(engines, tmp_path, "a")
    get(engines, tmp_path, "b")
    get(engines, tmp_path, "a")
    assert len(loads) == len(engines) == 2


def test_for_a_new_one_the_idle_one_asked_for_longest_ago_goes(engines, loads, tmp_path):
    for name in "abac":
        get(engines, tmp_path, name)
    get(engines, tmp_path, "a")
    assert [path.name for path in loads] == ["a", "b", "c"]
    assert len(engines) == 2


def test_what_a_session_holds_is_never_loaded_twice_nor_let_go(engines, loads, tmp_path):
    held = get(engines, tmp_path, "a")
    for name in "bcbc":
        get(engines, tmp_path, name)
    assert get(engines, tmp_path, "a") is held
    assert loads[0].name == "a"
    assert [path.name for path in loads].count("a") == 1


def test_when_all_places_are_in_use_it_says_so_until_one_is_free(engines, tmp_path):
    held = [get(engines, tmp_path, "a"), get(engines, tmp_path, "b")]
    with pytest.raises(ModelError, match="2 models are in use"):
        get(engines, tmp_path, "c")
    held.pop()
    get(engines, tmp_path, "c")
    assert len(engines) == 2


def test_a_run_trained_anew_is_loaded_anew(engines, loads, tmp_path):
    get(engines, tmp_path, "a")
    os.utime(tmp_path / "a" / "model.bin", (1, 1))
    get(engines, tmp_path, "a")
    assert len(loads) == 2


def test_what_is_idle_is_let_go_and_what_is_used_stays(engines, loads, tmp_path):
    held = get(engines, tmp_path, "a")
    get(engines, tmp_path, "b")
    assert [(e.directory.name, e.in_use) for e in engines.loaded()] == [("a", True), ("b", False)]
    assert engines.let_go(idle_s=60) == 0
    assert engines.let_go() == 1
    assert [(e.directory.name, e.in_use) for e in engines.loaded()] == [("a", True)]
    assert get(engines, tmp_path, "a") is held
    del held
    assert engines.let_go() == 1
    assert len(engines) == len(engines.loaded()) == 0


def test_what_was_asked_for_lately_is_not_idle(engines, tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr("qal.engine.cache.time.monotonic", lambda: now[0])
    get(engines, tmp_path, "a")
    now[0] += 50
    get(engines, tmp_path, "b")
    now[0] += 50
    assert engines.let_go(idle_s=80) == 1
    assert [e.directory.name for e in engines.loaded()] == ["b"]


def test_a_session_keeps_what_was_let_go_and_it_is_told(engines, tmp_path):
    held = get(engines, tmp_path, "a")
    for name in "bcb":
        get(engines, tmp_path, name)
    assert ("a", True) in [(e.directory.name, e.in_use) for e in engines.loaded()]
    assert held is get(engines, tmp_path, "a")


FREED = """
import sys
import numpy, psutil
from pathlib import Path
from qal.engine.cache import Engines
from qal.engine.engine import Utterance
engines, me = Engines(), psutil.Process()
engines.get(sys.argv[1], Path("runs")).transcribe([Utterance(numpy.zeros(16_000, numpy.float32), "en")])
loaded = me.memory_info().rss
engines.let_go()
print((loaded - me.memory_info().rss) / 1e6)
"""


def test_the_memory_of_what_was_let_go_is_the_systems_again(base_directory):
    command = [sys.executable, "-c", FREED, str(base_directory)]
    freed_mb = float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert freed_mb > 50
