"""Breaks the text of a cue into balanced lines."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, combinations, pairwise

from qal.text.subtitles.units import Break, Unit, joined

BREAK_COSTS = {Break.SENTENCE: 0.0, Break.CLAUSE: 0.5, Break.WORD: 2.0}
SHORT_WORD_COST = 1.0  # of a line that ends with a short word
ORPHAN_COST = 2.0  # of a last line of one word
IMBALANCE_COST = 4.0  # of lines of which one is empty


class Widths:
    """Widths of runs of units on one line."""

    def __init__(self, units: Sequence[Unit]):
        spaces = [int(unit.has_space and i > 0) for i, unit in enumerate(units)]
        self._ends = list(accumulate(space + unit.width for space, unit in zip(spaces, units, strict=True)))
        self._starts = [end - unit.width for end, unit in zip(self._ends, units, strict=True)]

    def of(self, first: int, end: int) -> int:
        """Returns the width of units [first, end), which are at least one."""
        return self._ends[end - 1] - self._starts[first]

    def line_count(self, first: int, end: int, letters: int, most: int) -> int:
        """Returns the fewest lines of `letters` for units [first, end), or `most` + 1 if they do not fit.

        A unit that is wider than a line does not fit, unless it is the only one."""
        if end - first == 1:
            return 1
        lines = 0
        while first < end and lines <= most:
            reached = bisect_right(self._ends, self._starts[first] + letters, first, end)
            if reached == first:
                return most + 1
            first = reached
            lines += 1
        return lines


def break_lines(units: Sequence[Unit], letters: int, max_lines: int) -> tuple[str, ...]:
    """Returns the lines of a cue: as few as possible, broken where it reads best and about equally long."""
    widths = Widths(units)
    count = widths.line_count(0, len(units), letters, max_lines)
    if count <= 1 or count > max_lines:
        return (joined(units),)
    breaks = (
        (0, *inner, len(units))
        for inner in combinations(range(1, len(units)), count - 1)
        if all(widths.of(a, b) <= letters for a, b in pairwise((0, *inner, len(units))))
    )
    best = min(breaks, key=lambda ends: _cost(units, ends, [widths.of(a, b) for a, b in pairwise(ends)], letters))
    return tuple(joined(units[a:b]) for a, b in pairwise(best))


def _cost(units: Sequence[Unit], ends: tuple[int, ...], widths: list[int], letters: int) -> float:
    last_units = [units[end - 1] for end in ends[1:-1]]
    cost = sum(BREAK_COSTS[unit.ending] + SHORT_WORD_COST * unit.is_short for unit in last_units)
    cost += IMBALANCE_COST * (max(widths) - min(widths)) / letters
    is_orphan = ends[-1] - ends[-2] == 1 and units[-1].has_space
    return cost + ORPHAN_COST * is_orphan
