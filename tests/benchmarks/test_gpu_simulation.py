"""Live sessions on the simulated clock of the GPU benchmark."""

import numpy as np
import pytest

from benchmarks.gpu.simulation import (
    SimulatedLoad,
    Simulation,
    UtteranceCosts,
    largest_that_holds,
    random_stream,
    simulated_load,
)
from benchmarks.live.spoken import PAUSE_S, Spoken, Stream
from qal.audio.gate import DEFAULT_GATE, ms_to_windows
from qal.audio.samples import SAMPLE_RATE
from qal.captions.scheduler import MAX_BATCH_SIZE

PACKET_S = 0.1
WINDOW_S = 0.032


def costs(seconds: float) -> UtteranceCosts:
    """Costs that are equal for every batch."""
    return UtteranceCosts({(1, 1.0): seconds, (8, 1.0): seconds})


def one_utterance(start_s: float = 1.2, end_s: float = 3.2) -> Stream:
    silence = np.zeros(int((end_s + 3 * PAUSE_S) * SAMPLE_RATE), np.float32)
    return Stream(silence, (Spoken("", "en", start_s, end_s),))


def delay_of_one(engine_s: float) -> float:
    load = Simulation(costs(engine_s), [one_utterance()], [0.0], MAX_BATCH_SIZE).run()
    assert not load.lost
    assert not load.overloaded
    (delay,) = load.delays_s
    return delay


def test_fast_engine_delivers_the_final_when_the_gate_closes():
    hang_over_s = ms_to_windows(DEFAULT_GATE.hang_over_ms) * WINDOW_S
    assert hang_over_s <= delay_of_one(0.001) <= hang_over_s + 2 * WINDOW_S + PACKET_S


def test_slow_engine_delays_the_final_by_its_time():
    fast, slow = delay_of_one(0.001), delay_of_one(2.0)
    assert fast + 1.0 < slow < fast + 2 * 2.0  # one final request, after a partial one that may be in progress


def test_simulation_gives_the_same_delays_every_time():
    first, second = (simulated_load(costs(0.05), 4, 10.0, MAX_BATCH_SIZE) for _ in range(2))
    assert first.delays_s == second.delays_s
    assert first.busy_share == second.busy_share
    assert 0 < first.busy_share < 1


def test_more_speakers_wait_longer_and_in_the_end_overload_the_engine():
    few, many = (simulated_load(costs(0.2), n, 20.0, MAX_BATCH_SIZE) for n in (1, 16))
    assert few.holds(1.0)
    assert many.p95_s > few.p95_s
    too_slow = simulated_load(costs(30.0), 4, 60.0, MAX_BATCH_SIZE)
    assert not too_slow.holds(1.0)


def test_larger_batches_serve_more_speakers_if_they_cost_the_same():
    streams = [one_utterance() for _ in range(8)]
    alone, together = (Simulation(costs(0.3), streams, [0.0] * 8, size).run() for size in (1, 8))
    assert together.p95_s < alone.p95_s
    assert together.busy_share < alone.busy_share


def test_lost_or_late_captions_do_not_hold():
    assert SimulatedLoad([0.5] * 100).holds(1.0)
    assert not SimulatedLoad([0.5] * 90 + [2.0] * 10).holds(1.0)
    assert not SimulatedLoad([0.5], lost=1).holds(1.0)
    assert not SimulatedLoad([0.5], overloaded=True).holds(1.0)
    assert not SimulatedLoad().holds(1.0)


def test_costs_are_interpolated_between_lengths_and_taken_from_the_next_larger_batch():
    measured = UtteranceCosts({(1, 1.0): 0.1, (1, 11.0): 0.3, (4, 1.0): 0.2, (4, 11.0): 0.6})
    assert measured.seconds(1, 6.0) == pytest.approx(0.2)
    assert measured.seconds(2, 1.0) == measured.seconds(4, 1.0) == 0.2
    assert measured.seconds(1, 0.2) == 0.1
    assert measured.seconds(4, 20.0) == 0.6


@pytest.mark.parametrize("largest", [0, 1, 2, 5, 8, 9])
def test_search_finds_the_largest_number_exactly_below_sixteen(largest: int):
    assert largest_that_holds(lambda n: n <= largest, limit=100) == largest


def test_search_is_within_an_eighth_and_never_above_the_limit():
    found = largest_that_holds(lambda n: n <= 100, limit=512)
    assert 100 * 8 / 9 <= found <= 100
    assert largest_that_holds(lambda n: True, limit=100) in range(100 * 8 // 9, 101)


def test_random_streams_end_with_a_pause_that_closes_the_gate():
    silence = np.zeros(60 * SAMPLE_RATE, np.float32)
    stream = random_stream(20.0, silence, np.random.default_rng(1))
    assert stream.duration_s >= 20
    assert stream.duration_s - stream.spoken[-1].end_s == pytest.approx(PAUSE_S, abs=1e-3)
    assert np.shares_memory(stream.samples, silence)
