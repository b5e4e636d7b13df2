"""The settled part of a transcription, and the state with which it is resumed."""

from dataclasses import dataclass

from qal.engine.longform.segment import Segment


@dataclass(frozen=True)
class Continuation:
    """State of a transcription, to resume it."""

    language: str | None = None  # that was detected for the file
    previous_text: str = ""  # for the prompt of the strategy "sequential"


NO_CONTINUATION = Continuation()


@dataclass(frozen=True)
class Settled:
    """The next segments of a file, in order of time. Everything before settled_s is complete."""

    segments: list[Segment]
    settled_s: float
    continuation: Continuation = NO_CONTINUATION
