"""Waiting for what comes in its own time: a process, a file, a browser."""

import time
from collections.abc import Callable

PATIENCE_S = 60  # a busy machine is slow, not wrong


def until(true: Callable[[], object], what: str = "it never came") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
