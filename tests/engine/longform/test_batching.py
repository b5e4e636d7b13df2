"""Utterances of several callers share batches, and each caller gets its own texts and errors."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.engine.decoding import GREEDY
from qal.engine.engine import Transcript, Utterance
from qal.engine.longform.batching import MAX_PASSED_OVER, BatchingEngine
from qal.engine.model_directory import ContextAbility
from qal.errors import LanguageError


class NamingEngine:
    """Writes the first sample of each utterance, and holds its first call until `go` is set."""

    ability = ContextAbility(adaptive=True)

    def __init__(self, workers: int = 1):
        self.workers, self.calls, self.go = workers, [], threading.Event()
        self.running = self.most = 0
        self._lock = threading.Lock()

    def transcribe(self, utterances, options=GREEDY):
        with self._lock:
            self.calls.append(len(utterances))
            self.running += 1
            self.most = max(self.most, self.running)
        self.go.wait(10)
        with self._lock:
            self.running -= 1
        if any(u.language == "xx" for u in utterances):
            raise LanguageError("the model has no language 'xx'")
        return [Transcript(str(int(u.samples[0])), "en", (1,), 0.0, 0.0, 100) for u in utterances]


def spoken(number: int, length_s: float = 1.0, language: str = "en", on_grid: bool = True) -> Utterance:
    samples = np.full(int(length_s * SAMPLE_RATE), number, np.float32)
    return Utterance(samples, language, on_grid=on_grid)


def wait_until(holds: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


def call_all(engine: BatchingEngine, inner: NamingEngine, calls: list[list[Utterance]]) -> list[list[str] | Exception]:
    """Calls the engine from a thread each; the first holds the engine until all others wait."""

    def run(utterances: list[Utterance]) -> list[str] | Exception:
        try:
            return [t.text for t in engine.transcribe(utterances)]
        except LanguageError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(run, calls[0])]
        wait_until(lambda: inner.calls)
        futures += [pool.submit(run, utterances) for utterances in calls[1:]]
        wait_until(lambda: len(engine._pending) + sum(inner.calls) >= sum(map(len, calls)))
        inner.go.set()
        return [future.result(20) for future in futures]


def test_callers_share_batches_and_get_their_own_texts():
    inner = NamingEngine()
    calls = [[spoken(0)], *([spoken(2 * i), spoken(2 * i + 1)] for i in range(1, 7))]
    found = call_all(BatchingEngine(inner), inner, calls)
    assert found == [["0"], *([str(2 * i), str(2 * i + 1)] for i in range(1, 7))]
    assert inner.calls == [1, 12]


def test_batches_are_bounded_and_hold_utterances_of_like_length():
    inner = NamingEngine()
    calls = [[spoken(0)], *([spoken(i), spoken(i, 7.0)] for i in range(1, 6))]
    found = call_all(BatchingEngine(inner, max_batch=4), inner, calls)
    assert found == [["0"], *([str(i), str(i)] for i in range(1, 6))]
    assert sorted(inner.calls[1:]) == [1, 1, 4, 4]


def test_an_error_is_that_of_its_caller_only():
    inner = NamingEngine()
    calls = [[spoken(0)], [spoken(1)], [spoken(2, language="xx")], [spoken(3)]]
    found = call_all(BatchingEngine(inner), inner, calls)
    assert [found[0], found[1], found[3]] == [["0"], ["1"], ["3"]]
    assert isinstance(found[2], LanguageError)


def test_utterances_that_depend_on_their_batch_are_not_joined():
    inner = NamingEngine()
    calls = [[spoken(0)], [spoken(1, on_grid=False), spoken(2, 3.0, on_grid=False)], [spoken(3, on_grid=False)]]
    found = call_all(BatchingEngine(inner, max_batch=1), inner, calls)
    assert found == [["0"], ["1", "2"], ["3"]]
    assert sorted(inner.calls) == [1, 1, 2]


def test_a_small_group_waits_for_a_few_larger_ones_only():
    inner = NamingEngine()
    engine = BatchingEngine(inner, max_batch=2)
    calls = [[spoken(0)], [spoken(1, 20.0)], *([spoken(i)] for i in range(2, 22))]
    inner_calls = inner.calls
    lengths = []
    plain = inner.transcribe
    inner.transcribe = lambda utterances, options=GREEDY: (
        lengths.append(len(utterances[0].samples)),
        plain(utterances, options),
    )[1]
    call_all(engine, inner, calls)
    assert len(inner_calls) > MAX_PASSED_OVER + 2
    assert lengths.index(20 * SAMPLE_RATE) <= MAX_PASSED_OVER + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_the_engine_is_called_as_often_at_once_as_it_computes(workers: int):
    inner = NamingEngine(workers)
    call_all(BatchingEngine(inner, max_batch=1), inner, [[spoken(i)] for i in range(8)])
    assert inner.most == workers


def test_no_utterances_give_no_transcripts():
    assert BatchingEngine(NamingEngine()).transcribe([]) == []
