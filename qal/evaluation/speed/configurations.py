"""The configurations to measure: every combination of model, context, precision, beam and threads, each one by one,
in batches and in parallel."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import ctranslate2

from qal.cores import usable_cores
from qal.engine.engine import ContextChoice
from qal.engine.settings.device import Device, choose_compute_type, choose_device
from qal.errors import OptionError
from qal.evaluation.speed.records import Configuration

ALL_TYPES = "all"


@dataclass(frozen=True)
class Axes:
    """The values of each setting that are combined."""

    models: Sequence[str]
    contexts: Sequence[ContextChoice] = ("auto",)
    compute_types: Sequence[str] = ("auto",)  # "all": all that the device computes
    beams: Sequence[int] = (1,)
    threads: Sequence[int] = (0,)
    batches: Sequence[int] = (16,)  # 1 is always measured
    parallel: Sequence[int] = ()  # calls at the same time


def configurations(axes: Axes, device: Device = "auto") -> list[Configuration]:
    """Returns the configurations, those of one model together.

    Calls at the same time share the cores: each has its part of the threads.

    Raises:
        OptionError: a value is impossible.
        ModelError: the device is missing, or does not compute a compute type."""
    wrong = [n for n in (*axes.batches, *axes.parallel, *axes.beams) if n < 1] + [n for n in axes.threads if n < 0]
    if wrong:
        raise OptionError(f"{wrong[0]} is too small; beams, batches and calls at the same time begin at 1")
    chosen = choose_device(device)
    ways = [(1, 1), *((b, 1) for b in axes.batches), *((1, w) for w in axes.parallel)]
    combined = product(axes.models, axes.contexts, compute_types(axes.compute_types, chosen), axes.beams, axes.threads)
    found = [
        Configuration(
            model=model,
            context=context,
            device=device,
            compute_type=compute_type,
            beam_size=beam,
            threads=shared_threads(threads, workers),
            batch_size=batch,
            workers=workers,
        )
        for model, context, compute_type, beam, threads in combined
        for batch, workers in ways
    ]
    return list(dict.fromkeys(found))


def compute_types(asked: Sequence[str], device: str) -> list[str]:
    """Returns the compute types by their own names, each once. Raises ModelError if the device lacks one."""
    names = [
        name
        for value in asked
        for name in (sorted(ctranslate2.get_supported_compute_types(device)) if value == ALL_TYPES else [value])
    ]
    return list(dict.fromkeys(choose_compute_type(device, name) for name in names))


def shared_threads(threads: int, workers: int) -> int:
    """Returns the threads of one of several calls at the same time; 0: all cores."""
    return threads if workers == 1 or threads else max(1, usable_cores() // workers)
