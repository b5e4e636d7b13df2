"""Cuts parts out of a recording that is decoded once, in memory bounded by the longest part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples

MAX_PART_S = 2 * 3600  # of one example; a longer one would fill the memory
MANY_TIMES = 30  # the duration of the recording: its unit is probably another one
MILLISECONDS = "; if the times are milliseconds, name their columns start_ms and end_ms"
END_TOLERANCE_S = 0.5  # by which a part may end after its recording: time stamps are rounded


@dataclass(frozen=True)
class Part:
    """The start and end of a part, in samples; `end` is None for the end of the recording."""

    start: int
    end: int | None


def cut_parts(pieces: Iterator[Samples], parts: Sequence[Part]) -> Iterator[tuple[int, Samples | str]]:
    """Yields the index of each part and its samples, or the reason why it cannot be cut out.

    Reading ends with the last part.

    Args:
        pieces: the recording, (n,) each.
        parts: in any order; they may overlap."""
    waiting = sorted(range(len(parts)), key=lambda i: parts[i].start)
    buffer = _Buffer()
    for piece in pieces:
        buffer.add(piece)
        first = parts[waiting[0]].start
        if buffer.end - max(first, buffer.start) > MAX_PART_S * SAMPLE_RATE:
            too_long = waiting.pop(0)
            yield too_long, f"is longer than {MAX_PART_S // 3600} hours; cut it into shorter parts"
            if not waiting:
                return
        begun = takewhile(lambda i: parts[i].start < buffer.end, waiting)
        for i in [i for i in begun if _is_complete(parts[i], buffer.end)]:
            waiting.remove(i)
            yield i, buffer.cut(parts[i].start, parts[i].end)
        if not waiting:
            return
        buffer.drop_before(parts[waiting[0]].start)
    for i in waiting:
        yield i, _at_the_end(parts[i], buffer)


def _is_complete(part: Part, end: int) -> bool:
    return part.end is not None and part.end <= end


def _at_the_end(part: Part, buffer: "_Buffer") -> Samples | str:
    """Returns what a part holds whose end was not reached."""
    is_beyond = part.end is not None and part.end - buffer.end > END_TOLERANCE_S * SAMPLE_RATE
    hint = MILLISECONDS if (part.end or part.start) > MANY_TIMES * max(buffer.end, 1) else ""
    if part.start and (is_beyond or part.start >= buffer.end):
        wanted = part.start if part.end is None else part.end
        return (
            f"reaches to {wanted / SAMPLE_RATE:.2f} s, but the recording ends at {buffer.end / SAMPLE_RATE:.2f} s{hint}"
        )
    if is_beyond and part.end:
        return (
            f"ends at {part.end / SAMPLE_RATE:.2f} s, but the recording ends at {buffer.end / SAMPLE_RATE:.2f} s{hint}"
        )
    return buffer.cut(part.start, buffer.end)


class _Buffer:
    """The samples of a stream from `start` to `end`, which are counted from the start of the stream."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self.start = self.end = 0

    def add(self, piece: Samples) -> None:
        self._pieces.append(piece)
        self.end += len(piece)

    def drop_before(self, position: int) -> None:
        """Drops whole pieces before a position."""
        dropped = 0
        while dropped < len(self._pieces) and self.start + len(self._pieces[dropped]) <= position:
            self.start += len(self._pieces[dropped])
            dropped += 1
        del self._pieces[:dropped]

    def cut(self, start: int, end: int | None) -> Samples:
        """Returns a copy of the samples from `start` to `end`."""
        end = self.end if end is None else end
        position, found = self.start, []
        for piece in self._pieces:
            found.append(piece[max(0, start - position) : max(0, end - position)])
            position += len(piece)
        return np.concatenate(found) if found else np.zeros(0, np.float32)
