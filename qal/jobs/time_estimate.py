"""The expected time of a run's stages before it starts. Pure functions.

The time of the training is work divided by speed. Work is measured in seconds of context, which is the audio that the
encoder processes, padding included: a batch of 16 examples with a context of 4 s is 64 s of work. The speed is measured
in earlier runs of the same base model on this machine, otherwise in the benchmark of docs/benchmarks.md. It is scaled
by the cost of the settings. The other stages are units of work (mostly examples) times the seconds per unit, which also
come from earlier runs, otherwise from the benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import WINDOW_S
from qal.corpus.left_out import LeftOut
from qal.evaluation.retention import retention_units
from qal.jobs.batch_boundaries import batch_boundaries, repetitions
from qal.jobs.machine import process_count
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.stages import CHECKED_FORMATS, GATE_EXAMPLES, GATE_PARTS, MERGE_UNITS, PREPARE_UNITS, SWEEP_STEPS

BENCHMARK_SPEED = 29.0  # seconds of context per second: about one example of 30 s, in bfloat16
BENCHMARK_PARAMETERS, BENCHMARK_CORES = 72e6, 2  # Whisper base
# Time of a step relative to LoRA in bfloat16 (docs/training.md):
FLOAT32_COST, RECOMPUTE_COST, DORA_COST, DECODER_ONLY_COST = 2.2, 1.4, 1.6, 0.5
TEACHER_COST = 1 / 3  # time of a teacher prediction relative to a training step
UNIT_S = {  # seconds per unit of a stage, with the base model of the benchmark
    "prepare": 4.0,
    "validate": 0.12,
    "merge": 2.0,
    "check": 0.2,
    "gate": 0.4,
    "report": 1.1,
    "retention": 0.4,
}
BYTES_PER_MB = 1e6
EXTRA_EXAMPLES_PER_CONCATENATION = 2.5  # mean number of examples that are appended to a concatenated example


@dataclass(frozen=True)
class ExampleSummary:
    """Durations and weights of the training examples of a run, and the sizes of the splits."""

    durations_s: Sequence[float]
    weights: Sequence[float]
    available: int  # examples of the training split, before limits
    validation: int  # examples of the validation split
    test: int  # examples of the test split
    retention: int = 0  # examples of the check for forgetting
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
    unit_s: Mapping[str, float] = field(default_factory=dict)  # seconds per unit of the stages other than training


class EpochWork(NamedTuple):
    """The work of one epoch: context and number of batches."""

    context_s: float  # over all devices
    batches: int  # per device


def expected_stage_s(
    config: TrainingConfig,
    examples: ExampleSummary,
    parameters: float,
    machine: Machine,
    measured: Sequence[MeasuredRun],
) -> dict[str, float] | None:
    """The expected seconds of each stage of a run; None for a device without measurements.

    Args:
        config: the settings of the run.
        examples: the examples of the run.
        parameters: the number of parameters of the base model.
        machine: this machine.
        measured: earlier runs of the same base model and device, the newest first.
    """
    speed = expected_speed(config, parameters, machine, measured)
    if speed is None:
        return None
    if config.find_learning_rate:
        return {"prepare": PREPARE_UNITS * UNIT_S["prepare"], "find": sweep_work_s(config, examples) / speed}
    slowdown = BENCHMARK_SPEED / (speed * step_cost(config, machine))  # relative to the benchmark
    stage_s = {
        name: count * (measured_unit_s(name, measured) or slowdown * UNIT_S[name])
        for name, count in stage_units(config, examples).items()
    }
    stage_s["train"] = epoch_work(config, examples).context_s * config.epochs / speed
    if config.method == "distill":
        stage_s["teach"] = teacher_work_s(config, examples) / speed
    return stage_s


def stage_units(config: TrainingConfig, examples: ExampleSummary) -> dict[str, int]:
    """The number of units of the stages other than "train" and "teach"."""
    units = {
        "prepare": PREPARE_UNITS,
        "validate": (config.epochs + 1) * min(examples.validation, config.validation_utterances),
        "merge": MERGE_UNITS,
        "check": CHECKED_FORMATS * min(examples.validation + examples.test, config.check_utterances),
        "report": min(examples.test, config.report_utterances),
    }
    if config.result.gate != "off":
        units["gate"] = GATE_PARTS * min(examples.validation + examples.test, config.check_utterances, GATE_EXAMPLES)
    if examples.retention and config.method == "finetune":
        units["retention"] = retention_units(examples.retention)
    return units


def measured_unit_s(stage: str, measured: Sequence[MeasuredRun]) -> float | None:
    """The median seconds per unit of a stage over the runs that recorded it; None if there is none."""
    values = [run.unit_s[stage] for run in measured if stage in run.unit_s]
    return median(values) if values else None


def epoch_work(config: TrainingConfig, examples: ExampleSummary) -> EpochWork:
    """The work of one epoch."""
    durations_s = epoch_durations_s(config, examples)
    if not len(durations_s):
        return EpochWork(0.0, 0)
    boundaries = batch_boundaries(durations_s, config.batch_size, config.compute.batch_seconds)
    batch_sizes = np.diff([0, *boundaries])
    longest_s = durations_s[np.array(boundaries) - 1]
    work_s = float((batch_sizes * mean_context_s(config, longest_s)).sum())
    return EpochWork(work_s, -(-len(batch_sizes) // process_count(config)))


def sweep_work_s(config: TrainingConfig, examples: ExampleSummary) -> float:
    """The work of the learning-rate finder."""
    work = epoch_work(config, examples)
    return SWEEP_STEPS * config.optimizer.accumulate * work.context_s / max(1, work.batches)


def teacher_work_s(config: TrainingConfig, examples: ExampleSummary) -> float:
    """The work of distillation's teacher, which transcribes each example once with a 30 s window."""
    return (len(epoch_durations_s(config, examples)) + examples.validation) * WINDOW_S * TEACHER_COST


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
