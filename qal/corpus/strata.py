"""Stratification by duration: short and long units are in all splits alike, and the hash decides among like ones.

The hash of a unit's name puts it at a position from 0 to 1, and a split has a range of positions. In a stratum, which
holds units of like duration, the borders of these ranges are shifted no farther than each split needs for its share. So
most units are where their hash alone would put them, in a large corpus all, and a sentence is in the same split of
different corpora."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

from qal.corpus.split import Split, hash_position

MAX_STRATA = 10
UNITS_PER_STRATUM = 8  # at least, two of which are for test
TOLERANCE = 0.2  # by which a split's rows of a stratum may be above or below its share, as a part of it; at least a row
UNITS_PER_TEST_UNIT = 4  # a quarter of the rows is for test, so one unit of four of like duration


def balanced_by_duration(
    durations_s: Mapping[str, float], sizes: Mapping[str, int], shares: Mapping[Split, float]
) -> dict[str, Split]:
    """Returns the splits of units, each of which has its share of the rows of every stratum.

    What a split has too little or too much of a stratum counts for the next one, of longer units.

    Args:
        durations_s: mean duration of each unit's rows, in seconds.
        sizes: number of rows of each unit.
        shares: the splits, train among them."""
    splits: dict[str, Split] = {}
    owed: dict[Split, float] = {}
    for stratum in _strata(durations_s):
        splits |= _split_stratum(sorted(stratum, key=hash_position), sizes, shares, owed)
    return splits


def order_by_strata(durations_s: Mapping[str, float]) -> dict[str, float]:
    """Returns a number for each unit, so that the first quarter in the order of these numbers has all durations.

    Of every four units of like duration the one with the lowest hash is in the first quarter, and so on."""
    by_duration = sorted(durations_s, key=lambda key: (durations_s[key], hash_position(key)))
    order: dict[str, float] = {}
    for start in range(0, len(by_duration), UNITS_PER_TEST_UNIT):
        like = sorted(by_duration[start : start + UNITS_PER_TEST_UNIT], key=hash_position)
        order |= {key: rank + hash_position(key) for rank, key in enumerate(like)}
    return order


def _strata(durations_s: Mapping[str, float]) -> list[list[str]]:
    """Groups units by duration. Units of the same duration are in the same stratum."""
    count = min(MAX_STRATA, len(durations_s) // UNITS_PER_STRATUM)
    keys = list(durations_s)
    if count < 2:
        return [keys]
    seconds = np.array([durations_s[key] for key in keys])
    borders = np.unique(np.quantile(seconds, np.arange(1, count) / count))
    strata: list[list[str]] = [[] for _ in range(len(borders) + 1)]
    for key, number in zip(keys, np.searchsorted(borders, seconds, side="right"), strict=True):
        strata[number].append(key)
    return strata


def _split_stratum(
    ordered: Sequence[str], sizes: Mapping[str, int], shares: Mapping[Split, float], owed: dict[Split, float]
) -> dict[str, Split]:
    """Splits the units of a stratum, which are in the order of their positions.

    `owed`: the rows that each split has too little of the strata before; it is updated."""
    positions = [hash_position(key) for key in ordered]
    total, rows = sum(shares.values()), sum(sizes[key] for key in ordered)
    splits: dict[str, Split] = dict.fromkeys(ordered, "train")
    start, upper = 0, 0.0
    held_out: tuple[Split, ...] = ("test", "validation")
    for split in held_out:
        if split in shares:
            share = shares[split] / total
            upper += share
            end = max(start, bisect_left(positions, upper))
            weights = [sizes[key] for key in ordered[start:]]
            target = owed.get(split, 0.0) + share * rows
            end = start + _shifted(end - start, weights, target, max(1, TOLERANCE * share * rows))
            splits |= dict.fromkeys(ordered[start:end], split)
            owed[split] = target - sum(sizes[key] for key in ordered[start:end])
            start = end
    return splits


def _shifted(count: int, weights: Sequence[int], target: float, tolerance: float) -> int:
    """Returns how many of the first units a split gets: `count`, or the nearest number within the tolerance."""
    found = sum(weights[:count])
    while found < target - tolerance and count < len(weights) and _is_closer(found + weights[count], found, target):
        found += weights[count]
        count += 1
    while found > target + tolerance and count and _is_closer(found - weights[count - 1], found, target):
        count -= 1
        found -= weights[count]
    return count


def _is_closer(new: int, old: int, target: float) -> bool:
    return abs(new - target) < abs(old - target)
