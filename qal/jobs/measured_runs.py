"""The inputs of a time estimate: measurements of earlier runs, this machine, and the examples of the datasets."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from qal.checks.storage import disk_space, memory_space
from qal.cores import usable_cores
from qal.corpus.manifest import MANIFEST_FILE, Corpus, read_corpus
from qal.corpus.words import has_words
from qal.engine.catalogue import local_directory, resolve
from qal.engine.settings.device import choose_device
from qal.engine.weights.stock_models import STOCK_MODELS
from qal.errors import QalError
from qal.evaluation.retention import MAX_CORPORA
from qal.jobs.dataset_notes import left_out_of_run
from qal.jobs.example_selection import held_out_examples, training_examples
from qal.jobs.index import file_stamp
from qal.jobs.machine import engine_device
from qal.jobs.metrics import FileStamp
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from qal.jobs.stages import Stages
from qal.jobs.status import ENDED
from qal.jobs.time_estimate import BYTES_PER_MB, ExampleSummary, Machine, MeasuredRun, expected_stage_s

MAX_RUNS = 5  # the newest runs with the same base model and device are used
MIN_STEPS = 5  # runs with fewer steps are ignored
READS_PER_DOUBLING = 4  # how often a growing metrics file is read again until its size has doubled
WARM_UP_STEPS = 2  # first steps of a run, which are slower and are ignored
CACHE_SIZE = 256  # runs, or datasets
WORK_STAGES = ("train", "teach", "find")  # their time is estimated from seconds of context
FALLBACK_MODEL = "base"  # the size of a model of unknown name


def measured_runs(runs: Path, config: TrainingConfig) -> list[MeasuredRun]:
    """The measurements of runs with the same base model and device, the newest first."""
    measurements: list[MeasuredRun] = []
    wanted = (config.base, device_of(config))
    for run in list_runs(runs):
        size = run.metrics_file.stat().st_size if run.metrics_file.exists() else 0
        size_class = int(READS_PER_DOUBLING * math.log2(size)) if size else 0
        measurement = _measure(run.folder, size_class, run.status().state in ENDED) if size else None
        if measurement and (measurement.config.base, device_of(measurement.config)) == wanted:
            measurements.append(measurement)
        if len(measurements) == MAX_RUNS:
            break
    return measurements


@lru_cache(CACHE_SIZE)
def _measure(folder: Path, size_class: int, has_ended: bool) -> MeasuredRun | None:
    """Measures a run; None if it has too few steps.

    The result is cached until `size_class` or `has_ended` changes, because the metrics of a run in progress grow every
    second."""
    run = Run(folder)
    try:
        config = load_config(run.config_file)
    except QalError:
        return None
    steps = [row for row in run.metrics() if row.get("kind") == "step"]
    speeds = [row["utterances_per_second"] * row["context_s"] for row in steps if _has_speed(row)]
    if len(speeds) < MIN_STEPS:
        return None
    memory_mb = max((row["memory_mb"] for row in steps if isinstance(row.get("memory_mb"), (int, float))), default=None)
    return MeasuredRun(run.id, config, median(speeds[WARM_UP_STEPS:]), memory_mb, unit_seconds(run.status().stages))


def unit_seconds(stages: Stages) -> dict[str, float]:
    """The seconds per unit of the completed stages whose work does not depend on the duration of the audio."""
    return {
        stage.name: stage.seconds_per_unit
        for stage in stages
        if stage.name not in WORK_STAGES and stage.share == 1 and stage.seconds_per_unit
    }


def _has_speed(row: dict[str, Any]) -> bool:
    """True if a row of the metrics has the two numbers that give the speed."""
    return all(isinstance(row.get(name), (int, float)) for name in ("utterances_per_second", "context_s"))


def summarise_examples(corpora: Sequence[Corpus], config: TrainingConfig) -> ExampleSummary:
    """Summarises the examples of the corpora that the run uses."""
    training = training_examples([*corpora], config)
    return ExampleSummary(
        durations_s=[row.duration_s for _, row in training],
        weights=[config.corpus_weight(corpus.folder) for corpus, _ in training],
        available=sum(len(corpus.select("train")) for corpus in corpora),
        validation=len(held_out_examples([*corpora], config, ("validation",))),
        test=len(held_out_examples([*corpora], config, ("test",))),
        retention=retention_example_count(corpora, config),
        left_out=left_out_of_run(corpora, config),
    )


def retention_example_count(corpora: Sequence[Corpus], config: TrainingConfig) -> int:
    """The number of examples on which the run checks for forgetting."""
    counts = [
        _test_example_count(folder, file_stamp(folder / MANIFEST_FILE)) for folder in _other_folders(corpora, config)
    ]
    used = counts if config.retention.corpora else sorted(filter(None, counts), reverse=True)[:MAX_CORPORA]
    return sum(min(count, config.retention.utterances) for count in used)


def _other_folders(corpora: Sequence[Corpus], config: TrainingConfig) -> set[Path]:
    """The folders of the datasets that may be used to check for forgetting."""
    if config.retention.corpora:
        return {Path(folder) for folder in config.retention.corpora}
    own = {corpus.folder.resolve() for corpus in corpora}
    return {path.parent for folder in own for path in folder.parent.glob(f"*/{MANIFEST_FILE}")} - own


@lru_cache(CACHE_SIZE)
def _test_example_count(folder: Path, stamp: FileStamp) -> int:
    """The number of transcribed test examples of a dataset; 0 if it cannot be read. It is cached until it changes."""
    try:
        return sum(has_words(row.text) for row in read_corpus(folder, max_missing_share=1).select("test"))
    except QalError:
        return 0


def plan_stages(config: TrainingConfig, corpora: Sequence[Corpus], runs: Path) -> dict[str, float]:
    """The stages of a run with their expected seconds.

    Without measurements of the device the seconds are those of a CPU: their proportions still weight the stages."""
    machine, examples = describe_machine(runs, config), summarise_examples(corpora, config)
    parameters, measured = parameter_count(config.base, runs), measured_runs(runs, config)
    expected = expected_stage_s(config, examples, parameters, machine, measured)
    return expected or expected_stage_s(config, examples, parameters, replace(machine, device="cpu"), []) or {}


def device_of(config: TrainingConfig) -> str:
    """The device of a run, also if this machine does not have it: "cpu", "cuda" or "mps"."""
    return choose_device("auto") if config.device == "auto" else config.device


def describe_machine(runs: Path, config: TrainingConfig) -> Machine:
    """Finds the device that the run uses, and the free memory and disk space."""
    return Machine(
        device="mps" if config.device == "mps" else choose_device(engine_device(config)),
        cores=usable_cores(),
        has_fast_bfloat16=_has_fast_bfloat16(),
        free_memory_mb=memory_space().free / BYTES_PER_MB,
        free_disk_mb=disk_space(runs).free / BYTES_PER_MB,
    )


def parameter_count(base: str, runs: Path) -> float:
    """The number of parameters of a base model, from the size of its float16 file or, if not installed, its name."""
    by_length = sorted(STOCK_MODELS, key=len, reverse=True)
    stock_name = next((name for name in by_length if base.startswith(name)), None)
    stock_parameters = STOCK_MODELS[stock_name or FALLBACK_MODEL].parameters
    try:
        is_local = stock_name is None or local_directory(base)
        return (resolve(base, runs) / "model.bin").stat().st_size / 2 if is_local else stock_parameters
    except (QalError, OSError):
        return stock_parameters


@lru_cache(1)
def _has_fast_bfloat16() -> bool:
    """True if the CPU computes bfloat16 fast. Precision "auto" of the training uses the same rule."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.is_file() else []
    return "avx512_bf16" in flags or "amx_tile" in flags
