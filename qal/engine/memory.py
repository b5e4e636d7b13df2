"""Returns freed memory, which glibc keeps by default, to the operating system."""

import ctypes
import ctypes.util
from collections.abc import Callable
from functools import cache


def release_free_memory() -> None:
    """Returns the heap's free pages to the operating system; does nothing without glibc."""
    trim = _malloc_trim()
    if trim:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    name = ctypes.util.find_library("c")
    return getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
