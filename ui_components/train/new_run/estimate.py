"""What a run will take, told before it starts: steps, time, memory, disk. Pure, and rough on purpose.

Time is work over speed, both in seconds of context (of sound as the encoder hears it, silence included): a batch of
16 utterances at 4 s is 64 s of work. The speed is that of runs of the same base on this machine where there are any,
else the measured one of docs/benchmarks.md; either is scaled by what the settings cost (`cost`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import WINDOW_S
from qal.jobs.batch_boundaries import batch_boundaries, repetitions
from qal.jobs.machine import process_count
from qal.jobs.options.learning import CPU_MICRO_BATCH_S
from qal.jobs.options.training_config import TrainingConfig

BENCHMARK = "docs/benchmarks.md"
BENCHMARK_SPEED = 29.0  # seconds of context a second: 1.00 and 0.96 utterances of 30 s on two cores, in bfloat16
BENCHMARK_PARAMETERS, BENCHMARK_CORES = 72e6, 2  # Whisper base
FLOAT32 = 2.2  # times as long a step as in bfloat16; these three: docs/training.md
RECOMPUTED, DORA, DECODER_ONLY = 1.4, 1.6, 0.5
HEARD_S = {"validation": 0.15, "check": 0.5, "report": 0.7, "retention": 0.35}  # an utterance, as the benchmark's
START_S = 30  # imports, reading, merging, converting

PROCESS_MB = 1300  # Python and its libraries
PART_MB, RECOMPUTED_MEMORY = 34, 0.4  # a second of context that is computed at once, of the benchmark's base
MB = 1e6


@dataclass(frozen=True)
class Rows:
    """Of the corpora: those that are learned from, each with its weight, and how many there were."""

    durations_s: Sequence[float]
    weights: Sequence[float]
    offered: int  # rows of the training split
    validation: int
    test: int


@dataclass(frozen=True)
class Machine:
    device: str
    cores: int
    bfloat16: bool  # fast at it
    free_memory_mb: float
    free_disk_mb: float


@dataclass(frozen=True)
class Measured:
    """What a run of the same base did on this machine."""

    run: str
    config: TrainingConfig
    speed: float  # median over its steps, in seconds of context a second
    memory_mb: float | None


@dataclass(frozen=True)
class Estimate:
    """Minutes and memory are None where nothing can be said."""

    utterances: int
    offered: int
    steps: int
    train_minutes: float | None
    minutes: float | None
    memory_mb: float | None
    disk_mb: float
    basis: str
    warnings: tuple[str, ...]


def estimate(
    config: TrainingConfig, rows: Rows, parameters: float, machine: Machine, measured: Sequence[Measured]
) -> Estimate:
    """parameters: of the base. measured: runs of the same base and device, the newest first."""
    work_s, batches = work(config, rows)
    speed = expected_speed(config, parameters, machine, measured)
    train_s = work_s * config.epochs / speed if speed else None
    slowness = BENCHMARK_SPEED / (speed * cost(config, machine)) if speed else 0
    total_s = None if train_s is None else train_s + START_S + slowness * heard_s(config, rows)
    memory_mb = expected_memory(config, rows, parameters, machine, measured)
    disk_mb = config.disk_space_factor * 2 * parameters / MB
    return Estimate(
        utterances=len(rows.durations_s),
        offered=rows.offered,
        steps=-(-batches // config.optimizer.accumulate) * config.epochs,
        train_minutes=None if train_s is None else train_s / 60,
        minutes=None if total_s is None else total_s / 60,
        memory_mb=memory_mb,
        disk_mb=disk_mb,
        basis=basis(config, machine, measured),
        warnings=tuple(warnings(memory_mb, disk_mb, machine)),
    )


def work(config: TrainingConfig, rows: Rows) -> tuple[float, int]:
    """Seconds of context of an epoch, and its batches (of each device)."""
    drawn_s = drawn(config, rows)
    if not len(drawn_s):
        return 0.0, 0
    last = batch_boundaries(drawn_s, config.batch_size, config.compute.batch_seconds)
    sizes, longest = np.diff([0, *last]), drawn_s[np.array(last) - 1]
    seconds = float((sizes * context_s(config, longest)).sum())
    if config.method == "distill":  # the teacher hears each lesson once at 30 s, and learns nothing
        seconds += len(drawn_s) * WINDOW_S / 3 / config.epochs
    return seconds, -(-len(sizes) // process_count(config))


def drawn(config: TrainingConfig, rows: Rows) -> NDArray:
    """Durations of the utterances of one epoch, the shortest first; of fractions an even part."""
    durations, weights = np.asarray(rows.durations_s, float), np.asarray(rows.weights, float)
    parts = []
    for weight in np.unique(weights):
        own = np.sort(durations[weights == weight])
        whole, rest = repetitions(weight, len(own))
        parts += [own] * whole + [own[np.arange(rest) * len(own) // max(1, rest)]]
    found = np.concatenate(parts) if parts else durations
    if config.method == "distill":
        joined = 1 + 2.5 * config.distillation.joined_share  # one to four others come after
        silent = found[: round(config.distillation.silent_share * len(found))]
        found = np.minimum(np.concatenate([found, silent]) * joined, config.max_utterance_s)
    return np.sort(found)


def context_s(config: TrainingConfig, longest_s: NDArray) -> NDArray:
    """Mean context of batches by their longest utterance."""
    o = config.context
    adaptive = np.minimum(WINDOW_S, longest_s + (o.min_margin_s + o.max_margin_s) / 2)
    return o.full_share * WINDOW_S + (1 - o.full_share) * adaptive


def expected_speed(
    config: TrainingConfig, parameters: float, machine: Machine, measured: Sequence[Measured]
) -> float | None:
    """Seconds of context a second; None on a device on which nothing was measured."""
    if measured:
        alike = [m.speed * cost(m.config, machine) / process_count(m.config) for m in measured]
        return median(alike) / cost(config, machine) * process_count(config)
    if machine.device != "cpu":
        return None
    scale = BENCHMARK_PARAMETERS / parameters * machine.cores / BENCHMARK_CORES
    return BENCHMARK_SPEED * scale / cost(config, machine)


def cost(config: TrainingConfig, machine: Machine) -> float:
    """Of a second of context, in times that of LoRA in bfloat16."""
    factor = DORA if config.trained.adapter == "lora" and config.lora.dora else 1.0
    factor *= RECOMPUTED if config.compute.recompute else 1
    factor *= DECODER_ONLY if config.trained.part == "decoder" else 1
    float32 = config.precision == "32-true" or (config.precision == "auto" and not machine.bfloat16)
    return factor * (FLOAT32 if float32 else 1)


def heard_s(config: TrainingConfig, rows: Rows) -> float:
    """Seconds of validation, check and report, as the benchmark's machine takes for its base."""
    counts = {
        "validation": (config.epochs + 1) * min(rows.validation, config.validation_utterances),
        "check": min(rows.validation + rows.test, config.check_utterances),
        "report": min(rows.test, config.report_utterances),
        "retention": (len(config.retention.corpora) or 3) * config.retention.utterances,
    }
    return sum(HEARD_S[name] * count for name, count in counts.items())


def expected_memory(
    config: TrainingConfig, rows: Rows, parameters: float, machine: Machine, measured: Sequence[Measured]
) -> float | None:
    """Peak of all processes in MB; on other devices than CPUs only the runs that were measured tell."""
    known = [m for m in measured if m.memory_mb is not None]
    if known:
        grown = [(m.memory_mb or 0) / process_count(m.config) - modelled(m.config, rows, parameters) for m in known]
        return process_count(config) * max(PROCESS_MB, modelled(config, rows, parameters) + max(grown))
    return process_count(config) * modelled(config, rows, parameters) if machine.device == "cpu" else None


def modelled(config: TrainingConfig, rows: Rows, parameters: float) -> float:
    """MB of one process: libraries, weights, what AdamW keeps, kept sound, and the activations of a part."""
    bytes_each = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}[config.trained.base_precision]
    learning = 12 * parameters if config.trained.adapter == "none" else 0  # gradient and two moments in float32
    learning *= 1 if config.trained.part == "all" else 0.5
    drawn_s = drawn(config, rows)
    sound_mb = min(config.cache_mb, 0.07 * float(drawn_s.sum()))
    at_once = part_s(config, drawn_s) * (RECOMPUTED_MEMORY if config.compute.recompute else 1)
    at_once *= parameters / BENCHMARK_PARAMETERS
    return PROCESS_MB + (bytes_each * parameters + learning) / MB + sound_mb + PART_MB * at_once


def part_s(config: TrainingConfig, drawn_s: NDArray) -> float:
    """Seconds of context that are computed at once at most."""
    if not len(drawn_s):
        return 0.0
    longest = WINDOW_S if config.context.full_share else float(context_s(config, drawn_s[-1:])[0])
    batch = max(longest * min(config.batch_size, len(drawn_s)), longest)
    return max(min(batch, config.compute.part_seconds or CPU_MICRO_BATCH_S), longest)


def basis(config: TrainingConfig, machine: Machine, measured: Sequence[Measured]) -> str:
    """What the figures rest on, in a sentence."""
    if measured:
        which = f"{len(measured)} runs" if len(measured) > 1 else "a run"
        newest = f", the newest {measured[0].run}" if len(measured) > 1 else f" ({measured[0].run})"
        return f"From {which} of {config.base} on this machine{newest}; scaled by seconds of context and by method."
    if machine.device != "cpu":
        return f"Nothing was trained from {config.base} on this device yet; its first run will tell."
    return (
        f"Rough: from {BENCHMARK} (base on two cores), scaled by size and cores, "
        f"as nothing was trained from {config.base} here yet."
    )


def warnings(memory_mb: float | None, disk_mb: float, machine: Machine) -> list[str]:
    found = []
    if memory_mb and memory_mb > machine.free_memory_mb:
        found.append(
            f"about {memory_mb / 1000:.1f} GB of memory are needed and {machine.free_memory_mb / 1000:.1f} GB are "
            "free: take a smaller base, lower compute.part_seconds, set compute.recompute, or end other programs"
        )
    if disk_mb > machine.free_disk_mb:
        found.append(
            f"about {disk_mb / 1000:.1f} GB of disk are needed and {machine.free_disk_mb / 1000:.1f} GB are free: "
            "free some space"
        )
    return found
