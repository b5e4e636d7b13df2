"""What an estimate rests on: runs that were measured, the machine, the rows of the corpora."""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from statistics import median

from qal.checks.device import usable_cores
from qal.checks.storage import disk_space, memory_space
from qal.corpus.manifest import Corpus
from qal.engine.catalogue import local_directory, resolve
from qal.engine.engine import choose_device
from qal.engine.stock_models import STOCK_MODELS
from qal.errors import QalError
from qal.jobs.example_selection import held_out_examples, training_examples
from qal.jobs.machine import engine_device
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from ui_components.train.new_run.estimate import MB, Machine, Measured, Rows

NEWEST = 5  # runs that an estimate rests on
FEWEST_STEPS = 5  # that tell a speed
GROWTHS = 4  # readings until a file has doubled
WARM_UP = 2  # steps that are slower than the others
FALLBACK_MODEL = "base"  # its size is assumed for names that start with no stock model


def measured_runs(runs: Path, config: TrainingConfig) -> list[Measured]:
    """Of the same base and device, the newest first."""
    found = []
    for run in list_runs(runs):
        size = run.metrics_file.stat().st_size if run.metrics_file.exists() else 0
        one = _measured(run.folder, int(GROWTHS * math.log2(size))) if size else None
        if one and (one.config.base, one.config.device) == (config.base, config.device):
            found.append(one)
        if len(found) == NEWEST:
            break
    return found


@lru_cache(256)
def _measured(folder: Path, growth: int) -> Measured | None:
    """Read again only when its metrics have grown by a good part: a run that goes on adds a row a second."""
    run = Run(folder)
    try:
        config = load_config(run.config_file)
    except QalError:
        return None
    steps = [row for row in run.metrics() if row.get("kind") == "step"]
    speeds = [row["utterances_per_second"] * row["context_s"] for row in steps if _timed(row)]
    if len(speeds) < FEWEST_STEPS:
        return None
    memory = max((row["memory_mb"] for row in steps if isinstance(row.get("memory_mb"), (int, float))), default=None)
    return Measured(run.id, config, median(speeds[WARM_UP:]), memory)


def _timed(row: dict) -> bool:
    return all(isinstance(row.get(name), (int, float)) for name in ("utterances_per_second", "context_s"))


def rows_of(corpora: Sequence[Corpus], config: TrainingConfig) -> Rows:
    rows = training_examples([*corpora], config)
    return Rows(
        durations_s=[row.duration_s for _, row in rows],
        weights=[config.corpus_weight(corpus.folder) for corpus, _ in rows],
        offered=sum(len(corpus.select("train")) for corpus in corpora),
        validation=len(held_out_examples([*corpora], config, ("validation",))),
        test=len(held_out_examples([*corpora], config, ("test",))),
    )


def machine_of(runs: Path, config: TrainingConfig) -> Machine:
    return Machine(
        device="mps" if config.device == "mps" else choose_device(engine_device(config)),
        cores=usable_cores(),
        bfloat16=_fast_at_bfloat16(),
        free_memory_mb=memory_space().free / MB,
        free_disk_mb=disk_space(runs).free / MB,
    )


def parameters_of(base: str, runs: Path) -> float:
    """By the size of its weights in float16, where they are on this machine; else by its name."""
    by_length = sorted(STOCK_MODELS, key=len, reverse=True)
    stock_name = next((name for name in by_length if base.startswith(name)), None)
    stock_parameters = STOCK_MODELS[stock_name or FALLBACK_MODEL].parameters
    try:
        is_local = stock_name is None or local_directory(base)
        return (resolve(base, runs) / "model.bin").stat().st_size / 2 if is_local else stock_parameters
    except (QalError, OSError):
        return stock_parameters


@lru_cache(1)
def _fast_at_bfloat16() -> bool:
    """As precision auto chooses on a CPU."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.is_file() else []
    return "avx512_bf16" in flags or "amx_tile" in flags
