"""What a transcription has settled, and what it needs to go on from there."""

from dataclasses import dataclass

from qal.engine.longform.segment import Segment


@dataclass(frozen=True)
class Continuation:
    """What a transcription that is resumed takes over from the one before."""

    language: str | None = None  # that was detected for the file
    previous_text: str = ""  # for the prompt of the strategy "sequential"


NO_CONTINUATION = Continuation()


@dataclass(frozen=True)
class Settled:
    """The next segments of a file, in order of time. Everything before settled_s is complete."""

    segments: list[Segment]
    settled_s: float
    continuation: Continuation = NO_CONTINUATION
