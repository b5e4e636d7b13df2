"""A first Ctrl-C or SIGTERM ends a long measurement after its current step, so that what is done is kept and shown; a
second one interrupts it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """True, when called, after the first signal."""

    def __init__(self, step: str):
        self._step, self._is_requested = step, False

    def __call__(self) -> bool:
        return self._is_requested

    def receive(self, signum: int, frame: FrameType | None) -> None:
        """Handles a signal."""
        if self._is_requested:
            raise KeyboardInterrupt
        self._is_requested = True
        print(f"\nstopping after this {self._step}; once more to stop at once", file=sys.stderr)


@contextmanager
def stop_on_signals(step: str) -> Iterator[StopRequest]:
    """Handles both signals inside the block. `step` names what is finished first, such as "example"."""
    request = StopRequest(step)
    before = [signal.signal(number, request.receive) for number in SIGNALS]
    try:
        yield request
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
