"""Waiting for a condition that another process, a file or a browser fulfils."""

import time
from collections.abc import Callable

TIMEOUT_S = 60  # long, for a busy machine


def wait_until(
    condition: Callable[[], object], message: str = "the condition was not fulfilled", timeout_s: float = TIMEOUT_S
) -> None:
    """Polls the condition until it is true; fails the test with the message after the given time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.05)
