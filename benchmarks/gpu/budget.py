"""The time limit of a benchmark, divided among its parts."""

import time
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]  # seconds, never falling


class OutOfTimeError(Exception):
    """The time of a part is used up."""


@dataclass(frozen=True)
class Budget:
    """A point in time at which to stop."""

    end_s: float  # time of the clock
    clock: Clock = time.monotonic

    @property
    def left_s(self) -> float:
        return max(0.0, self.end_s - self.clock())

    @property
    def is_over(self) -> bool:
        return self.left_s <= 0

    def check(self) -> None:
        """Raises OutOfTimeError if the time is used up."""
        if self.is_over:
            raise OutOfTimeError

    def share(self, worth: float, of: float) -> "Budget":
        """Returns a budget with worth / of of the time that is left, so that unused time goes to later parts."""
        return Budget(self.clock() + self.left_s * worth / of, self.clock)


def budget_of(seconds: float, clock: Clock = time.monotonic) -> Budget:
    return Budget(clock() + seconds, clock)
