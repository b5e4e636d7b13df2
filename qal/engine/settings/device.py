"""The device that computes, its precision, and how its cores are shared."""

from typing import Literal

import ctranslate2

from qal.cores import usable_cores
from qal.engine.settings.cublas import load_cublas
from qal.errors import ModelError

Device = Literal["auto", "cpu", "cuda"]
MAX_CPU_WORKERS = 4


def shared_cores(cores: int) -> tuple[int, int]:
    """Returns the threads of a call and the calls at the same time that use a CPU best.

    The decoder, which takes most of the time, gains nothing from a second thread (docs/live.md)."""
    workers = min(MAX_CPU_WORKERS, cores)
    return cores // workers, workers


def threads_and_workers(device: Device) -> tuple[int, int]:
    """Returns the threads of a call and the calls at the same time for many utterances; 0 threads: as the GPU does.

    Raises ModelError as `choose_device` does."""
    return shared_cores(usable_cores()) if choose_device(device) == "cpu" else (0, 1)


def choose_device(device: Device) -> str:
    """Returns "cpu" or "cuda". Raises ModelError if CUDA is requested and there is none, or its library is missing."""
    has_cuda = device != "cpu" and ctranslate2.get_cuda_device_count() > 0
    if has_cuda:
        load_cublas()
    elif device == "cuda":
        raise ModelError("no CUDA device was found; use --device cpu, or auto")
    return "cuda" if has_cuda else "cpu"


def choose_compute_type(device: str, compute_type: str) -> str:
    """Returns the compute type, "auto" resolved. Raises ModelError if the device does not support it."""
    if compute_type == "auto":
        return "float16" if device == "cuda" else "int8"
    supported = ctranslate2.get_supported_compute_types(device)
    if compute_type not in supported:
        raise ModelError(
            f"compute type '{compute_type}' does not run on {device}; use one of {', '.join(sorted(supported))}"
        )
    return compute_type
