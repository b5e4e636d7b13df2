"""Waiting for a condition that another process, a file or a browser fulfils."""

import time
from collections.abc import Callable

TIMEOUT_S = 60  # long, for a busy machine


def wait_until(condition: Callable[[], object], message: str = "the condition was not fulfilled") -> None:
    """Polls the condition until it is true; fails the test with the message after TIMEOUT_S."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, message
        time.sleep(0.05)
