"""How many speakers an engine can caption at once, on a simulated clock with measured times of the engine."""

import time

import numpy as np

from benchmarks.bars import MAX_FINAL_P95_S, MIN_LIVE_SESSIONS
from benchmarks.gpu.budget import Budget, OutOfTimeError
from benchmarks.gpu.options import GpuOptions
from benchmarks.gpu.random_weights import RandomModel, RandomModels
from benchmarks.gpu.results import Results
from benchmarks.gpu.simulation import SimulatedLoad, UtteranceCosts, largest_that_holds, simulated_load
from benchmarks.gpu.speed import LoadedModel, adaptive_frames, milliseconds, tokens_of
from benchmarks.gpu.timing import median_s
from qal.audio.log_mel import padded_log_mel
from qal.audio.samples import SAMPLE_RATE, WINDOW_FRAMES
from qal.audio.vad import VadStream
from qal.captions.scheduler import MAX_BATCH_SIZE
from qal.captions.session import CaptionSession
from qal.engine.settings.device import choose_compute_type

LENGTHS_S = (1.0, 5.0, 11.0)  # of the segments; the simulated utterances have at most 10 s
BATCHES = (1, 2, 4, 8, 16, 32)
LARGE_BATCH_SIZE = 32
DURATION_S = 30.0  # of each simulated session


def measure_live(models: RandomModels, options: GpuOptions, device: str, budget: Budget, results: Results) -> None:
    """Finds the largest number of speakers for every size, at both contexts, for two batch sizes of the scheduler."""
    results.put({"live_packet_handled_ms": milliseconds(packet_s())})
    for done, size in enumerate(options.sizes):
        share = budget.share(1, len(options.sizes) - done)
        try:
            share.check()
            measure_size(models, size, options, device, share, results)
        except OutOfTimeError:
            results.skip(f"live_{size}: no time")


def measure_size(
    models: RandomModels, size: str, options: GpuOptions, device: str, budget: Budget, results: Results
) -> None:
    compute = choose_compute_type(device, "auto")
    loaded = LoadedModel(RandomModel(models.directory(size), size, device, compute), device)
    for batch_size in (MAX_BATCH_SIZE, LARGE_BATCH_SIZE):
        for context in ("adaptive", "30s_context"):
            costs = measured_costs(loaded, context == "adaptive", batch_size, budget)
            name = f"live_{size}_{compute}_scheduler_batch{batch_size}"
            found = speakers(costs, batch_size, options.max_sessions, budget)
            if found is None:
                raise OutOfTimeError
            figures = {f"{name}_{key}": value for key, value in found.items()}
            if context == "adaptive":
                results.put(figures)
                is_known = found["sessions"] >= MIN_LIVE_SESSIONS or not found["sessions_is_lower_bound"]
                if batch_size == MAX_BATCH_SIZE and is_known:
                    results.bar_at_least(f"{name}_sessions", found["sessions"], MIN_LIVE_SESSIONS)
            else:
                results.put({}, figures)


def measured_costs(loaded: LoadedModel, adaptive: bool, max_batch_size: int, budget: Budget) -> UtteranceCosts:
    """Measures features, encoder and decoder for segments of a few lengths and batches of up to max_batch_size."""
    measured_s = {}
    rng = np.random.default_rng(0)
    for length_s in LENGTHS_S:
        frames = adaptive_frames(length_s) if adaptive else WINDOW_FRAMES
        samples = rng.normal(0, 0.1, int(length_s * SAMPLE_RATE)).astype(np.float32)
        n_mels = loaded.model.n_mels
        mel_s = median_s(lambda s=samples, f=frames, n=n_mels: padded_log_mel(s, f, n), "cpu")
        for batch in [b for b in BATCHES if b <= max_batch_size]:
            budget.check()
            measured_s[batch, length_s] = batch * mel_s + loaded.utterance_s(batch, frames, tokens_of(length_s))
    return UtteranceCosts(measured_s)


def speakers(costs: UtteranceCosts, max_batch_size: int, limit: int, budget: Budget) -> dict[str, float] | None:
    """Returns the largest number of sessions that holds, with its delays, and whether it is only a lower bound.

    None if there was no time to try a number that holds."""
    tried: dict[int, SimulatedLoad] = {}

    def holds(sessions: int) -> bool:
        tried[sessions] = simulated_load(costs, sessions, DURATION_S, max_batch_size, budget.check)
        return tried[sessions].holds(MAX_FINAL_P95_S)

    cut_off = False
    try:
        largest = largest_that_holds(holds, limit)
    except OutOfTimeError:
        cut_off = True
        largest = max((n for n, load in tried.items() if load.holds(MAX_FINAL_P95_S)), default=0)
        if not largest:
            return None
    found: dict[str, float] = {"sessions": largest, "sessions_is_lower_bound": cut_off or largest >= limit}
    if largest:
        load = tried[largest]
        found["final_latency_ms_p50"] = milliseconds(float(np.median(load.delays_s)))
        found["final_latency_ms_p95"] = milliseconds(load.p95_s)
        found["engine_busy_share"] = round(load.busy_share, 3)
    return found


def packet_s(packets: int = 200) -> float:
    """Returns the CPU time for one packet of a session: VAD and gate; the simulation does not count it."""
    session = CaptionSession("en", vad=VadStream())
    rng = np.random.default_rng(0)
    packet = rng.normal(0, 0.01, SAMPLE_RATE // 10).astype(np.float32)
    session.feed(packet)
    began = time.perf_counter()
    for _ in range(packets):
        session.feed(packet)
    return (time.perf_counter() - began) / packets
