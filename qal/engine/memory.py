"""Memory that glibc holds after it was freed."""

import ctypes
import ctypes.util
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """The heap's free pages go back to the system; where there is no glibc, nothing happens."""
    trim = _malloc_trim()
    if trim:
        trim(0)


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    name = ctypes.util.find_library("c")
    return getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None
