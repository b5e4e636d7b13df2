"""A rough estimate of a run before it starts: steps, time, memory and disk space. Pure functions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from numpy.typing import NDArray

from qal.audio.samples import WINDOW_S
from qal.corpus.left_out import LeftOut
from qal.jobs.machine import process_count
from qal.jobs.options.learning import CPU_MICRO_BATCH_S
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.time_estimate import (
    BENCHMARK_PARAMETERS,
    BYTES_PER_MB,
    ExampleSummary,
    Machine,
    MeasuredRun,
    epoch_durations_s,
    epoch_work,
    expected_stage_s,
    mean_context_s,
)
from qal.storage import format_bytes
from ui_components.train.new_run.settings import label_of

BENCHMARK = "docs/benchmarks.md"
PROCESS_MB = 1300  # Python and its libraries
MICRO_BATCH_MB_PER_S = 34  # memory per second of context of a micro-batch, for the base model of the benchmark
RECOMPUTE_MEMORY = 0.4  # memory of a micro-batch with gradient checkpointing, relative to one without
AUDIO_MB_PER_S = 0.07  # decoded audio in the cache
BYTES_PER_PARAMETER = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
OPTIMIZER_BYTES_PER_PARAMETER = 12  # gradient and AdamW's two moments in float32
TRAINING_STAGES = ("teach", "train")


@dataclass(frozen=True)
class Estimate:
    """The estimate of a run; minutes and memory are None if they are not known."""

    examples: int
    available_examples: int
    steps: int
    train_minutes: float | None
    minutes: float | None  # with evaluation and conversion
    memory_mb: float | None
    disk_mb: float
    basis: str
    warnings: tuple[str, ...]
    left_out: LeftOut = field(default_factory=dict)


def estimate_run(
    config: TrainingConfig,
    examples: ExampleSummary,
    parameters: float,
    machine: Machine,
    measured: Sequence[MeasuredRun],
) -> Estimate:
    """Estimates steps, time, memory and disk space of a run.

    Args:
        config: the settings of the run.
        examples: the examples of the run.
        parameters: the number of parameters of the base model.
        machine: this machine.
        measured: earlier runs of the same base model and device, the newest first.
    """
    stage_s = expected_stage_s(config, examples, parameters, machine, measured)
    memory_mb = expected_memory_mb(config, examples, parameters, machine, measured)
    disk_mb = config.disk_space_factor * 2 * parameters / BYTES_PER_MB
    return Estimate(
        examples=len(examples.durations_s),
        available_examples=examples.available,
        steps=-(-epoch_work(config, examples).batches // config.optimizer.accumulate) * config.epochs,
        train_minutes=None if stage_s is None else sum(stage_s.get(name, 0) for name in TRAINING_STAGES) / 60,
        minutes=None if stage_s is None else sum(stage_s.values()) / 60,
        memory_mb=memory_mb,
        disk_mb=disk_mb,
        basis=basis(config, machine, measured),
        warnings=tuple(space_warnings(memory_mb, disk_mb, machine)),
        left_out=examples.left_out,
    )


def expected_memory_mb(
    config: TrainingConfig,
    examples: ExampleSummary,
    parameters: float,
    machine: Machine,
    measured: Sequence[MeasuredRun],
) -> float | None:
    """The peak memory of all processes in MB; None for a GPU without measured runs.

    If there are measured runs, the largest error of `modelled_memory_mb` for them is added."""
    processes = process_count(config)
    modelled = modelled_memory_mb(config, examples, parameters)
    errors_mb = [
        run.memory_mb / process_count(run.config) - modelled_memory_mb(run.config, examples, parameters)
        for run in measured
        if run.memory_mb is not None
    ]
    if errors_mb:
        return processes * max(PROCESS_MB, modelled + max(errors_mb))
    return processes * modelled if machine.device == "cpu" else None


def modelled_memory_mb(config: TrainingConfig, examples: ExampleSummary, parameters: float) -> float:
    """The memory of one process in MB: libraries, weights, optimiser, audio cache and activations of a micro-batch."""
    weight_bytes = BYTES_PER_PARAMETER[config.trained.base_precision] * parameters
    optimizer_bytes = OPTIMIZER_BYTES_PER_PARAMETER * parameters if config.trained.adapter == "none" else 0
    optimizer_bytes *= 1 if config.trained.part == "all" else 0.5
    durations_s = epoch_durations_s(config, examples)
    audio_mb = min(config.cache_mb, AUDIO_MB_PER_S * float(durations_s.sum()))
    activations = RECOMPUTE_MEMORY if config.compute.recompute else 1
    activations *= parameters / BENCHMARK_PARAMETERS
    micro_batch_mb = MICRO_BATCH_MB_PER_S * activations * micro_batch_s(config, durations_s)
    return PROCESS_MB + (weight_bytes + optimizer_bytes) / BYTES_PER_MB + audio_mb + micro_batch_mb


def micro_batch_s(config: TrainingConfig, durations_s: NDArray) -> float:
    """The context of the largest micro-batch in seconds."""
    if not len(durations_s):
        return 0.0
    longest_s = WINDOW_S if config.context.full_share else float(mean_context_s(config, durations_s[-1:])[0])
    batch_s = max(longest_s * min(config.batch_size, len(durations_s)), longest_s)
    return max(min(batch_s, config.compute.part_seconds or CPU_MICRO_BATCH_S), longest_s)


def basis(config: TrainingConfig, machine: Machine, measured: Sequence[MeasuredRun]) -> str:
    """A sentence that names the source of the estimate: measured runs or the benchmark."""
    if measured:
        newest = measured[0].run
        runs = f"{len(measured)} runs, the newest {newest}," if len(measured) > 1 else f"the run {newest}"
        return f"Based on {runs} of {config.base} on this machine; scaled by seconds of context and by settings."
    if machine.device != "cpu":
        return f"There are no measurements of {config.base} on this device yet; the first run provides them."
    return (
        f"Rough estimate from {BENCHMARK} (base on two cores), scaled by model size and cores, because there is no run "
        f"of {config.base} on this machine yet."
    )


def space_warnings(memory_mb: float | None, disk_mb: float, machine: Machine) -> Iterator[str]:
    """Yields a sentence if there is too little memory, and one if there is too little disk space."""
    if memory_mb and memory_mb > machine.free_memory_mb:
        yield (
            f"about {_size(memory_mb)} of memory are needed and {_size(machine.free_memory_mb)} are free: choose a "
            f"smaller base model, lower '{label_of('compute.part_seconds')}', turn on "
            f"'{label_of('compute.recompute')}', or close other programs"
        )
    if disk_mb > machine.free_disk_mb:
        yield (
            f"about {_size(disk_mb)} of disk space are needed and {_size(machine.free_disk_mb)} are free: delete files "
            "that are not needed"
        )


def _size(megabytes: float) -> str:
    return format_bytes(megabytes * BYTES_PER_MB)
