"""Sentences that say what of a file could not be used, and where."""

import math
from collections.abc import Sequence

from qal.audio.holes import Hole

MAX_NAMED = 3  # places; the others are counted
DAMAGED = "{} damaged and {} left out"
MISSING = "{} missing or damaged in the file, and silence takes {} place"
CUT_OFF = "the file is cut off: it should last until {}, and ends at {}"
BROKEN_END = "the end of the file, after {}, is damaged and was left out"
NOT_NUMBERS = "{} of its samples are not numbers and count as zero"
TOO_LONG = "it is longer than {:g} hours, and what comes after them was left out"
SMALLEST_SHARE = 0.001


def damage_note(places: Sequence[Hole]) -> str:
    """Returns the note on damaged places, at least one."""
    return DAMAGED.format(f"{_named(places)} {_are(places)}", "was" if len(places) == 1 else "were")


def missing_note(places: Sequence[Hole]) -> str:
    """Returns the note on places without packets, at least one."""
    return MISSING.format(f"{_named(places)} {_are(places)}", "its" if len(places) == 1 else "their")


def not_numbers_note(share: float) -> str:
    """Returns the note on a share of samples, 0 to 1, that are not numbers."""
    return NOT_NUMBERS.format("some" if share < SMALLEST_SHARE else f"{share:.1%}")


def clock(time_s: float) -> str:
    """Formats a time as minutes and seconds, or as hours, minutes and seconds: 0:12, 1:02:03."""
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _named(places: Sequence[Hole]) -> str:
    named = [f"{clock(math.floor(place.start_s))} to {clock(math.ceil(place.end_s))}" for place in places[:MAX_NAMED]]
    others = len(places) - len(named)
    if others:
        named.append(f"{others} other place{'s' if others > 1 else ''}")
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"


def _are(places: Sequence[Hole]) -> str:
    return "is" if len(places) == 1 else "are"
