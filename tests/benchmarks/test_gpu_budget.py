"""The time limit of the GPU benchmark, and results that survive a cut-off."""

import json
from pathlib import Path

import pytest

from benchmarks.gpu.__main__ import run_parts
from benchmarks.gpu.budget import Budget, OutOfTimeError, budget_of
from benchmarks.gpu.results import Results


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_time_that_a_part_leaves_goes_to_the_next_ones():
    clock = ManualClock()
    budget = budget_of(60, clock)
    first = budget.share(1, of=3)
    assert first.left_s == 20
    clock.now_s += 6
    assert budget.share(1, of=2).left_s == 27
    assert budget.share(1, of=1).left_s == budget.left_s == 54


def test_budget_that_is_over_raises():
    clock = ManualClock()
    budget = budget_of(10, clock)
    budget.check()
    clock.now_s += 11
    assert budget.is_over
    assert budget.left_s == 0
    with pytest.raises(OutOfTimeError):
        budget.check()


def test_results_file_is_complete_json_after_every_put(tmp_path: Path):
    file = tmp_path / "gpu.json"
    results = Results({"cpu": "x"}, {"seconds": 1}, file)
    results.put({"a_ms": 1.5}, {"a_ms": 3.0})
    assert json.loads(file.read_text())["figures"] == {"a_ms": 1.5}
    results.skip("b: no time")
    stored = json.loads(file.read_text())
    assert list(stored) == ["hardware", "settings", "figures", "reference", "bars"]
    assert stored["reference"] == {"a_ms": 3.0}
    assert stored["settings"]["skipped"] == ["b: no time"]
    assert [path.name for path in tmp_path.iterdir()] == ["gpu.json"]


def test_failed_part_is_reported_and_the_next_one_is_measured(tmp_path: Path):
    def fail(budget: Budget, results: Results) -> None:
        raise RuntimeError("Library libcublas.so.12 is not found")

    results = Results({}, {}, tmp_path / "gpu.json")
    run_parts({"speed": fail, "live": lambda budget, r: r.put({"live": 1})}, budget_of(10), results)
    assert results.failed == {"speed": "RuntimeError: Library libcublas.so.12 is not found"}
    assert results.figures == {"live": 1}
    assert json.loads((tmp_path / "gpu.json").read_text())["settings"]["failed"] == results.failed
