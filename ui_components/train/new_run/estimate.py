"""A rough estimate of a run before it starts: steps, time, memory and disk space. Pure functions.

Time is work divided by speed. Work is measured in seconds of context, which is the audio that the encoder processes,
padding included: a batch of 16 examples with a context of 4 s is 64 s of work. The speed is measured in earlier runs
of the same base model on this machine, otherwise in the benchmark of docs/benchmarks.md. It is scaled by the cost of
the settings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import WINDOW_S
from qal.corpus.left_out import LeftOut
from qal.jobs.batch_boundaries import batch_boundaries, repetitions
from qal.jobs.machine import process_count
from qal.jobs.options.learning import CPU_MICRO_BATCH_S
from qal.jobs.options.training_config import TrainingConfig
from ui_components.train.new_run.settings import label_of

BENCHMARK = "docs/benchmarks.md"
BENCHMARK_SPEED = 29.0  # seconds of context per second: about one example of 30 s, in bfloat16
BENCHMARK_PARAMETERS, BENCHMARK_CORES = 72e6, 2  # Whisper base
# Time of a step relative to LoRA in bfloat16 (docs/training.md):
FLOAT32_COST, RECOMPUTE_COST, DORA_COST, DECODER_ONLY_COST = 2.2, 1.4, 1.6, 0.5
TEACHER_COST = 1 / 3  # time of a teacher prediction relative to a training step
EVALUATION_S = {  # seconds per example, with the base model of the benchmark
    "validation": 0.15,
    "check": 0.5,
    "report": 0.7,
    "retention": 0.35,
}
DEFAULT_RETENTION_CORPORA = 3
OVERHEAD_S = 30  # imports, reading the datasets, merging and converting the model
EXTRA_EXAMPLES_PER_CONCATENATION = 2.5  # mean number of examples that are appended to a concatenated example

PROCESS_MB = 1300  # Python and its libraries
MICRO_BATCH_MB_PER_S = 34  # memory per second of context of a micro-batch, for the base model of the benchmark
RECOMPUTE_MEMORY = 0.4  # memory of a micro-batch with gradient checkpointing, relative to one without
AUDIO_MB_PER_S = 0.07  # decoded audio in the cache
BYTES_PER_PARAMETER = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}
OPTIMIZER_BYTES_PER_PARAMETER = 12  # gradient and AdamW's two moments in float32
BYTES_PER_MB = 1e6


@dataclass(frozen=True)
class ExampleSummary:
    """Durations and weights of the training examples of a run, and the sizes of the splits."""

    durations_s: Sequence[float]
    weights: Sequence[float]
    available: int  # examples of the training split, before limits
    validation: int  # examples of the validation split
    test: int  # examples of the test split
    left_out: LeftOut = field(default_factory=dict)  # examples that the run does not use, by reason


@dataclass(frozen=True)
class Machine:
    """The device of a run, and the free memory and disk space of this machine."""

    device: str
    cores: int
    has_fast_bfloat16: bool
    free_memory_mb: float
    free_disk_mb: float


@dataclass(frozen=True)
class MeasuredRun:
    """Measurements of an earlier run."""

    run: str
    config: TrainingConfig
    speed: float  # median over the steps, in seconds of context per second
    memory_mb: float | None


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


class EpochWork(NamedTuple):
    """The work of one epoch: context and number of batches."""

    context_s: float  # over all devices
    batches: int  # per device


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
    work = epoch_work(config, examples)
    speed = expected_speed(config, parameters, machine, measured)
    train_s = work.context_s * config.epochs / speed if speed else None
    slowdown = BENCHMARK_SPEED / (speed * step_cost(config, machine)) if speed else 0  # relative to the benchmark
    total_s = None if train_s is None else train_s + OVERHEAD_S + slowdown * evaluation_s(config, examples)
    memory_mb = expected_memory_mb(config, examples, parameters, machine, measured)
    disk_mb = config.disk_space_factor * 2 * parameters / BYTES_PER_MB
    return Estimate(
        examples=len(examples.durations_s),
        available_examples=examples.available,
        steps=-(-work.batches // config.optimizer.accumulate) * config.epochs,
        train_minutes=None if train_s is None else train_s / 60,
        minutes=None if total_s is None else total_s / 60,
        memory_mb=memory_mb,
        disk_mb=disk_mb,
        basis=basis(config, machine, measured),
        warnings=tuple(space_warnings(memory_mb, disk_mb, machine)),
        left_out=examples.left_out,
    )


def epoch_work(config: TrainingConfig, examples: ExampleSummary) -> EpochWork:
    """The work of one epoch. Distillation adds the teacher's single pass with 30 s windows, divided by the epochs."""
    durations_s = epoch_durations_s(config, examples)
    if not len(durations_s):
        return EpochWork(0.0, 0)
    boundaries = batch_boundaries(durations_s, config.batch_size, config.compute.batch_seconds)
    batch_sizes = np.diff([0, *boundaries])
    longest_s = durations_s[np.array(boundaries) - 1]
    work_s = float((batch_sizes * mean_context_s(config, longest_s)).sum())
    if config.method == "distill":
        work_s += len(durations_s) * WINDOW_S * TEACHER_COST / config.epochs
    return EpochWork(work_s, -(-len(batch_sizes) // process_count(config)))


def epoch_durations_s(config: TrainingConfig, examples: ExampleSummary) -> NDArray:
    """The durations of an epoch's examples in seconds, the shortest first.

    For a fractional weight, evenly spaced examples are selected."""
    all_durations_s = np.asarray(examples.durations_s, float)
    weights = np.asarray(examples.weights, float)
    drawn = [_repeated(np.sort(all_durations_s[weights == weight]), weight) for weight in np.unique(weights)]
    durations_s = np.concatenate(drawn) if drawn else all_durations_s
    if config.method == "distill":
        mean_length = 1 + EXTRA_EXAMPLES_PER_CONCATENATION * config.distillation.joined_share
        noise_only_s = durations_s[: round(config.distillation.silent_share * len(durations_s))]
        durations_s = np.concatenate([durations_s, noise_only_s]) * mean_length
        durations_s = np.minimum(durations_s, config.max_utterance_s)
    return np.sort(durations_s)


def _repeated(durations_s: NDArray, weight: float) -> NDArray:
    """The durations of examples of one weight, repeated as often as an epoch uses them."""
    n = len(durations_s)
    full, extra = repetitions(weight, n)
    extra_indices = np.arange(extra) * n // max(1, extra)
    return np.concatenate([*[durations_s] * full, durations_s[extra_indices]])


def mean_context_s(config: TrainingConfig, longest_s: NDArray) -> NDArray:
    """The mean context of each batch in seconds.

    Args:
        config: the settings of the run.
        longest_s: (batches,) the duration of the longest example of each batch.
    """
    options = config.context
    adaptive_s = np.minimum(WINDOW_S, longest_s + (options.min_margin_s + options.max_margin_s) / 2)
    return options.full_share * WINDOW_S + (1 - options.full_share) * adaptive_s


def expected_speed(
    config: TrainingConfig, parameters: float, machine: Machine, measured: Sequence[MeasuredRun]
) -> float | None:
    """The speed in seconds of context per second; None for a device without measurements."""
    if measured:
        speeds_at_cost_1 = [run.speed * step_cost(run.config, machine) / process_count(run.config) for run in measured]
        return median(speeds_at_cost_1) / step_cost(config, machine) * process_count(config)
    if machine.device != "cpu":
        return None
    scale = BENCHMARK_PARAMETERS / parameters * machine.cores / BENCHMARK_CORES
    return BENCHMARK_SPEED * scale / step_cost(config, machine)


def step_cost(config: TrainingConfig, machine: Machine) -> float:
    """The time of a step relative to LoRA in bfloat16."""
    factor = DORA_COST if config.trained.adapter == "lora" and config.lora.dora else 1.0
    factor *= RECOMPUTE_COST if config.compute.recompute else 1
    factor *= DECODER_ONLY_COST if config.trained.part == "decoder" else 1
    is_float32 = config.precision == "32-true" or (config.precision == "auto" and not machine.has_fast_bfloat16)
    return factor * (FLOAT32_COST if is_float32 else 1)


def evaluation_s(config: TrainingConfig, examples: ExampleSummary) -> float:
    """The time of validation, check, report and retention in seconds, on the machine of the benchmark."""
    retention_corpora = len(config.retention.corpora) or DEFAULT_RETENTION_CORPORA
    counts = {
        "validation": (config.epochs + 1) * min(examples.validation, config.validation_utterances),
        "check": min(examples.validation + examples.test, config.check_utterances),
        "report": min(examples.test, config.report_utterances),
        "retention": retention_corpora * config.retention.utterances,
    }
    return sum(EVALUATION_S[name] * count for name, count in counts.items())


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
            f"about {memory_mb / 1000:.1f} GB of memory are needed and {machine.free_memory_mb / 1000:.1f} GB are "
            f"free: choose a smaller base model, lower '{label_of('compute.part_seconds')}', turn on "
            f"'{label_of('compute.recompute')}', or close other programs"
        )
    if disk_mb > machine.free_disk_mb:
        yield (
            f"about {disk_mb / 1000:.1f} GB of disk space are needed and {machine.free_disk_mb / 1000:.1f} GB are "
            "free: delete files that are not needed"
        )
