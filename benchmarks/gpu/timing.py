"""Times of calls, and the memory of the device."""

import gc
import statistics
import time
from collections.abc import Callable

import psutil
import torch

from qal.engine.memory import release_free_memory
from qal.training.loop import micro_batches

MIN_CALLS, MAX_CALLS, AT_LEAST_S = 3, 30, 0.15
OUT_OF_MEMORY = ("out of memory", "failed to allocate", "not enough memory")  # of CTranslate2 and cuBLAS


def synchronise(device: str) -> None:
    """Waits until the device has computed everything that was asked of it."""
    if device == "cuda":
        torch.cuda.synchronize()


def median_s(call: Callable[[], object], device: str) -> float:
    """Returns the median time of a call in seconds; the first call, which warms up, does not count."""
    call()
    synchronise(device)
    took, began = [], time.perf_counter()
    while len(took) < MIN_CALLS or (time.perf_counter() - began < AT_LEAST_S and len(took) < MAX_CALLS):
        started = time.perf_counter()
        call()
        synchronise(device)
        took.append(time.perf_counter() - started)
    return statistics.median(took)


def used_memory_mb(device: str) -> float:
    """Returns the used memory of the GPU, by all processes, or on a CPU the memory of this process."""
    if device == "cuda":
        free, total = torch.cuda.mem_get_info()
        return (total - free) / 1e6
    return psutil.Process().memory_info().rss / 1e6


def release_memory(device: str) -> None:
    """Returns unused memory to the device or the operating system."""
    gc.collect()
    release_free_memory()
    if device == "cuda":
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """True if the error of torch or of CTranslate2 reports a lack of memory."""
    return micro_batches.is_out_of_memory(error) or any(words in str(error).lower() for words in OUT_OF_MEMORY)
