"""When a context is not worse than 30 s, which is the smallest, and how many utterances would decide it.

A context is **not worse** if the upper bound of the 95 % interval of its paired difference to 30 s is below the
tolerance and the difference rests on MIN_UTTERANCES or more; **worse** if the lower bound is above the tolerance;
else **undecided**."""

import math
from collections.abc import Sequence

from qal.engine.engine import FULL_CONTEXT
from qal.engine.model_directory import ContextAbility
from qal.evaluation.context_curve.records import MIN_UTTERANCES, ContextFigures, Verdict
from qal.evaluation.report import PairedDifference

DEFAULT_TOLERANCE = 0.005  # half a point
FIRST_LOOK = 12  # utterances after which a context may be given up
LOOK_GROWTH = 1.25  # of the number of utterances from one look to the next
HOPELESS_BEYOND = 0.02  # above the tolerance; looking often must not give up a context that is nearly good enough


def verdict(paired: PairedDifference, utterances: int, tolerance: float) -> Verdict:
    if paired.low > tolerance:
        return "worse"
    return "not worse" if paired.high < tolerance and utterances >= MIN_UTTERANCES else "undecided"


def is_look(utterances: int) -> bool:
    """True if the contexts are looked at after so many utterances: 12, 15, 19, 24, 30 …"""
    look = FIRST_LOOK
    while look < utterances:
        look = math.ceil(look * LOOK_GROWTH)
    return look == utterances


def is_hopeless(paired: PairedDifference, tolerance: float) -> bool:
    """True if even the lower bound of the difference is far above the tolerance."""
    return paired.low > tolerance + HOPELESS_BEYOND


def smallest_context(figures: Sequence[ContextFigures]) -> ContextAbility | None:
    """Returns the context that encodes least of those that are not worse; None if there is none.

    Of contexts that encoded the same frames of all examples, the one with the longer minimum and margin is returned,
    because a shorter one was not tried."""
    good = [row for row in figures if row.verdict == "not worse"]
    if not good:
        return None
    return min(good, key=lambda row: (row.context_s, -row.context.min_s, -row.context.margin_s)).context


def needed_utterances(figures: Sequence[ContextFigures], tolerance: float) -> int | None:
    """Returns about how many utterances would show the most promising undecided context to be not worse.

    The width of an interval falls with the square root of their number. None if no context is undecided, or none of
    those has a difference below the tolerance."""
    needed = [
        max(MIN_UTTERANCES, math.ceil(row.utterances * _widths(row.paired, tolerance) ** 2))
        for row in figures
        if row.verdict == "undecided" and row.paired.difference < tolerance
    ]
    return min(needed, default=None)


def _widths(paired: PairedDifference, tolerance: float) -> float:
    """Returns the upper half of the interval, in units of what is left up to the tolerance."""
    return max(1.0, (paired.high - paired.difference) / (tolerance - paired.difference))


def grid(
    margins_s: Sequence[float], minimums_s: Sequence[float], own: ContextAbility = FULL_CONTEXT
) -> list[ContextAbility]:
    """Returns the settings to try, those that encode most first, each once; `own`, of the model's qal.json, too."""
    settings = {(margin, minimum) for margin in margins_s for minimum in minimums_s}
    settings |= {(own.margin_s, own.min_s)} if own.adaptive else set()
    ordered = sorted(settings, key=lambda pair: (-pair[1], -pair[0]))
    return [ContextAbility(adaptive=True, margin_s=margin, min_s=minimum) for margin, minimum in ordered]
