"""A buffer of the samples of a stream, addressed by their position in the file."""

from collections import deque

import numpy as np

from qal.audio.samples import Samples


class SampleBuffer:
    """Holds the samples [start, end) of a stream as the blocks in which they came.

    Samples of one block are returned as a view, so that a file that is in memory already is not copied."""

    def __init__(self, start: int = 0):
        """`start` is the position of the first sample in the file."""
        self.start = self.end = start
        self._blocks: deque[Samples] = deque()

    def append(self, block: Samples) -> None:
        """Adds samples, (n,), after the last ones."""
        if len(block):
            self._blocks.append(block)
            self.end += len(block)

    def cut(self, start: int, end: int) -> Samples:
        """Returns the samples [start, end) of the file. Raises ValueError if the buffer does not hold them."""
        if not self.start <= start <= end <= self.end:
            raise ValueError(f"samples {start} to {end} are not in the buffer, which holds {self.start} to {self.end}")
        parts, first = [], self.start
        for block in self._blocks:
            if first < end and start < first + len(block):
                parts.append(block[max(0, start - first) : end - first])
            first += len(block)
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def drop_before(self, position: int) -> None:
        """Forgets the samples before a position; blocks that are needed in part become views."""
        while self._blocks and self.start + len(self._blocks[0]) <= position:
            self.start += len(self._blocks.popleft())
        if self._blocks and self.start < position:
            self._blocks[0] = self._blocks[0][position - self.start :]
            self.start = position
