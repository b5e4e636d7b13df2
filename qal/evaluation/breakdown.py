"""The figures of an evaluation, over all examples and over groups of them, with 95 % intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pydantic import BaseModel, FiniteFloat

from qal.evaluation.bootstrap import error_intervals
from qal.evaluation.error_rates import ErrorCounts, WordEdits, word_edits, word_rates
from qal.evaluation.records import ScoredRow, count_rows
from qal.text.error_measure import ErrorRate, Measure
from qal.text.normalisation.registry import SCORING, Normaliser

SEED = 0  # of the bootstrap, fixed so that the same rows give the same interval
MIN_SPEAKERS = 5  # from which on an interval by speakers is computed; fewer draws would all be alike
UNKNOWN = "unknown"

DURATIONS_S = (2, 5, 10, 15, 20)  # bounds of the groups
SNRS_DB = (5, 10, 20, 30)
LETTERS_PER_SECOND = (8, 12, 16, 20)


class RateFigure(BaseModel, frozen=True):
    """An error rate with its 95 % interval, as shares."""

    measure: Measure
    rate: FiniteFloat
    low: FiniteFloat
    high: FiniteFloat

    @property
    def error_rate(self) -> ErrorRate:
        return ErrorRate(self.measure, self.rate, self.low, self.high)


class Figures(BaseModel, frozen=True):
    """All figures of a set of examples."""

    utterances: int
    words: int
    seconds: FiniteFloat  # of audio
    measure: Measure  # the error rate that decides
    wer: RateFigure
    cer: RateFigure
    by_speaker: RateFigure | None  # the deciding rate, its interval by draws of speakers; None: too few speakers
    speakers: int
    mer: FiniteFloat
    wil: FiniteFloat
    edits: WordEdits
    rtf: FiniteFloat | None  # seconds of computation per second of audio; None: not measured

    @property
    def deciding(self) -> RateFigure:
        return self.wer if self.measure == "WER" else self.cer


@dataclass(frozen=True)
class Counted:
    """The rows of an evaluation with their errors, in the same order."""

    rows: Sequence[ScoredRow]
    counts: ErrorCounts

    def select(self, indices: Sequence[int]) -> "Counted":
        return Counted([self.rows[i] for i in indices], self.counts.select(np.array(indices, int)))


def counted(rows: Sequence[ScoredRow], normaliser: Normaliser = SCORING) -> Counted:
    return Counted(rows, count_rows(list(rows), normaliser))


def figures(found: Counted) -> Figures:
    """Computes the figures of a set of examples. Raises ValueError if it is empty."""
    if not found.rows:
        raise ValueError("nothing to score")
    rows, counts = found.rows, found.counts
    intervals = error_intervals(counts, np.random.default_rng(SEED))
    wer, cer = counts.wer, counts.cer
    mer, wil = word_rates(counts)
    timed = [row for row in rows if row.seconds is not None]
    timed_s = sum(row.duration_s for row in timed)
    return Figures(
        utterances=len(rows),
        words=int(counts.words.sum()),
        seconds=sum(row.duration_s for row in rows),
        measure=counts.measure,
        wer=RateFigure(measure="WER", rate=wer, low=intervals.wer.low, high=intervals.wer.high),
        cer=RateFigure(measure="CER", rate=cer, low=intervals.cer.low, high=intervals.cer.high),
        by_speaker=interval_by_speaker(found),
        speakers=len({row.speaker for row in rows if row.speaker}),
        mer=mer,
        wil=wil,
        edits=word_edits(counts),
        rtf=sum(row.seconds or 0.0 for row in timed) / timed_s if timed_s else None,
    )


def interval_by_speaker(found: Counted) -> RateFigure | None:
    """Returns the deciding rate with its interval by draws of whole speakers, whose utterances are alike.

    None if there are fewer than MIN_SPEAKERS speakers, or a row without one."""
    speakers = [row.speaker for row in found.rows]
    if not all(speakers) or len(set(speakers)) < MIN_SPEAKERS:
        return None
    intervals = error_intervals(found.counts.by_group(speakers), np.random.default_rng(SEED))
    interval = intervals.wer if found.counts.measure == "WER" else intervals.cer
    return RateFigure(measure=found.counts.measure, rate=found.counts.rate, low=interval.low, high=interval.high)


@dataclass(frozen=True)
class Group:
    """Examples with something in common."""

    name: str
    figures: Figures
    indices: tuple[int, ...]  # of its rows


def breakdown(found: Counted, by: str) -> list[Group]:
    """Returns the figures of each group of examples, in the order of the groups; those of names the worst first.

    Args:
        found: the rows with their errors.
        by: a key of GROUPINGS."""
    key, order = GROUPINGS[by], ORDERS.get(by)
    indices: dict[str, list[int]] = {}
    for i, row in enumerate(found.rows):
        indices.setdefault(key(row), []).append(i)
    groups = [Group(name, figures(found.select(some)), tuple(some)) for name, some in indices.items()]
    if order:
        return sorted(groups, key=lambda group: order.index(group.name))
    return sorted(groups, key=lambda group: -group.figures.deciding.rate)


def interval_names(bounds: Sequence[float], unit: str) -> list[str]:
    """Returns names such as "below 2 s", "2 to 5 s", "20 s and more", and "unknown"."""
    between = [f"{low} to {high} {unit}" for low, high in pairwise(bounds)]
    return [f"below {bounds[0]} {unit}", *between, f"{bounds[-1]} {unit} and more", UNKNOWN]


def interval_name(value: float | None, bounds: Sequence[float], unit: str) -> str:
    names = interval_names(bounds, unit)
    return UNKNOWN if value is None else names[int(np.searchsorted(bounds, value, side="right"))]


def letters_per_second(row: ScoredRow) -> float | None:
    return len(row.reference.replace(" ", "")) / row.duration_s if row.duration_s else None


GROUPINGS: Mapping[str, Callable[[ScoredRow], str]] = {
    "speaker": lambda row: row.speaker or UNKNOWN,
    "language": lambda row: row.language or UNKNOWN,
    "duration": lambda row: interval_name(row.duration_s, DURATIONS_S, "s"),
    "snr": lambda row: interval_name(row.snr_db, SNRS_DB, "dB"),
    "speed": lambda row: interval_name(letters_per_second(row), LETTERS_PER_SECOND, "letters/s"),
    "source": lambda row: row.source.partition(",")[0].partition(";")[0] or UNKNOWN,
}
ORDERS: Mapping[str, Sequence[str]] = {
    "duration": interval_names(DURATIONS_S, "s"),
    "snr": interval_names(SNRS_DB, "dB"),
    "speed": interval_names(LETTERS_PER_SECOND, "letters/s"),
}


def worst(found: Counted, count: int) -> list[int]:
    """Returns the indices of the examples with the highest deciding error rate; of equal ones the longer first."""
    rates = found.counts.errors / np.maximum(1, found.counts.lengths)
    order = sorted(range(len(found.rows)), key=lambda i: (-rates[i], -found.counts.lengths[i]))
    return [i for i in order[:count] if found.counts.errors[i]]


def texts_of(rows: Iterable[ScoredRow]) -> list[tuple[str, str]]:
    """Returns the pairs of reference and transcript."""
    return [(row.reference, row.hypothesis) for row in rows]
