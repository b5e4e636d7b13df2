"""Moves the borders of cues into the pauses of the speech, so that a piece holds its words and no others.

    cue             ├──────────────┤   ├─────────┤        times that are loose
    speech       ███████ ███████         █████████
    piece       ├────────────────┤      ├──────────┤      with a little silence

A border goes to the pause that is long and near. Where there is none, as between sentences without a pause, both
neighbours are cut at the quietest place near their times."""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from qal.audio.samples import FRAMES_PER_SECOND
from qal.corpus.importers.timed.activity import SpeechActivity
from qal.corpus.importers.timed.checked import Rejected
from qal.corpus.importers.timed.cues import Cue

TOLERANCE_S = 0.6  # by which the times of a cue may be wrong
SILENCE_KEPT_S = 0.12
LONG_PAUSE_S = 0.8  # a longer one is not preferred any more
QUIET_TOLERANCE_S = 0.3  # around a border without a pause
QUIET_FRAMES = 5  # whose mean level is compared
MIN_PIECE_S = 0.1
MAX_OVERHANG_S = 0.5  # of a cue after the end of its recording

NO_SPEECH = "there is no speech in the recording at its time; correct the times"
BEYOND_END = "its time is after the end of the recording, which is {duration} long; correct the times"
OVERHANGS = "it ends after the end of the recording, which is {duration} long; correct the times"


@dataclass(frozen=True)
class Pause:
    """Silence between runs of speech, in seconds from the start of the recording."""

    start_s: float
    end_s: float

    def distance_s(self, time_s: float) -> float:
        """Returns how far a time is from the pause; 0 inside."""
        return max(0.0, self.start_s - time_s, time_s - self.end_s)

    def score(self, time_s: float) -> float:
        """Rates the pause as the place of a border that is stated at a time; higher is better."""
        return min(self.end_s - self.start_s, LONG_PAUSE_S) - self.distance_s(time_s)

    @property
    def ending_s(self) -> float:
        """The end of a piece before this pause."""
        return self.start_s + min(SILENCE_KEPT_S, (self.end_s - self.start_s) / 2)

    @property
    def beginning_s(self) -> float:
        """The start of a piece after this pause."""
        return self.end_s - min(SILENCE_KEPT_S, (self.end_s - self.start_s) / 2)


class Borders:
    """The pauses and the quiet places of a recording, where the cues may be cut."""

    def __init__(self, activity: SpeechActivity):
        runs = activity.runs()
        edges = [0.0, *(frame / FRAMES_PER_SECOND for run in runs for frame in (run.start, run.end))]
        edges.append(max(activity.duration_s, edges[-1]))
        self.duration_s = activity.duration_s
        self._pauses = [Pause(start_s, end_s) for start_s, end_s in zip(edges[::2], edges[1::2], strict=True)]
        self._starts = [pause.start_s for pause in self._pauses]
        self._level_db = _smoothed(activity.level_db)

    def has_speech(self, start_s: float, end_s: float) -> bool:
        """True if a part of [start_s, end_s) is in no pause."""
        index = bisect.bisect_right(self._starts, start_s) - 1
        return not (index >= 0 and self._pauses[index].end_s >= end_s)

    def pause(self, time_s: float, after_s: float = 0.0) -> Pause | None:
        """Returns the best pause near a time that ends after `after_s`; None if there is none."""
        first = max(0, bisect.bisect_left(self._starts, time_s - TOLERANCE_S) - 1)
        last = bisect.bisect_right(self._starts, time_s + TOLERANCE_S)
        near = [pause for pause in self._pauses[first:last] if pause.end_s > after_s]
        near = [pause for pause in near if pause.distance_s(time_s) <= TOLERANCE_S]
        return max(near, key=lambda pause: pause.score(time_s), default=None)

    def shared_pause(self, end_s: float, start_s: float, after_s: float) -> Pause | None:
        """Returns the best pause between a cue that ends and the next one that starts; None if there is none."""
        found = [self.pause(time_s, after_s) for time_s in (end_s, (start_s + end_s) / 2, start_s)]
        pauses = [pause for pause in found if pause]
        return max(pauses, key=lambda pause: pause.score(end_s) + pause.score(start_s), default=None)

    def quietest_s(self, time_s: float, after_s: float = 0.0) -> float:
        """Returns the quietest time near a time and after another one."""
        first = max(0, round(max(time_s - QUIET_TOLERANCE_S, after_s + MIN_PIECE_S) * FRAMES_PER_SECOND))
        last = min(len(self._level_db), round((time_s + QUIET_TOLERANCE_S) * FRAMES_PER_SECOND))
        if first >= last:
            return min(max(time_s, after_s), self.duration_s)
        return (first + int(np.argmin(self._level_db[first:last]))) / FRAMES_PER_SECOND


def refined_cues(cues: Sequence[Cue], activity: SpeechActivity) -> tuple[list[Cue], list[Rejected]]:
    """Moves the borders of cues, which are in order of time.

    Returns the cues with their new times, which do not overlap, and those without sound of their own."""
    borders = Borders(activity)
    rejected = [(cue, reason) for cue in cues if (reason := _without_sound(cue, borders))]
    numbers = {cue.number for cue, _ in rejected}
    kept = [cue for cue in cues if cue.number not in numbers]
    refined = list(_refined(kept, borders))
    rejected += [(cue, NO_SPEECH) for cue in refined if not _is_spoken(cue, borders)]
    return [cue for cue in refined if _is_spoken(cue, borders)], rejected


def _is_spoken(cue: Cue, borders: Borders) -> bool:
    return cue.duration_s >= MIN_PIECE_S and borders.has_speech(cue.start_s, cue.end_s)


def _without_sound(cue: Cue, borders: Borders) -> str:
    duration = f"{borders.duration_s:.1f} s"
    if cue.start_s >= borders.duration_s:
        return BEYOND_END.format(duration=duration)
    if cue.end_s > borders.duration_s + MAX_OVERHANG_S:
        return OVERHANGS.format(duration=duration)
    return "" if borders.has_speech(cue.start_s, cue.end_s) else NO_SPEECH


def _refined(cues: Sequence[Cue], borders: Borders) -> Iterator[Cue]:
    """Yields the cues with the borders in pauses or at quiet places."""
    start_s = _start_s(cues[0].start_s, borders) if cues else 0.0
    for cue, following in zip_longest(cues, cues[1:]):
        end_s, next_start_s = _border(cue, following, start_s, borders)
        yield replace(cue, start_s=round(start_s, 3), end_s=round(end_s, 3))
        start_s = next_start_s


def _start_s(time_s: float, borders: Borders, after_s: float = 0.0) -> float:
    pause = borders.pause(time_s)
    return pause.beginning_s if pause and pause.beginning_s >= after_s else borders.quietest_s(time_s, after_s)


def _border(cue: Cue, following: Cue | None, start_s: float, borders: Borders) -> tuple[float, float]:
    """Returns the end of a cue that starts at `start_s`, and the start of the one that follows."""
    after_s = start_s + MIN_PIECE_S + SILENCE_KEPT_S
    ending = borders.pause(cue.end_s, after_s)
    if following is None:
        return (ending.ending_s if ending else borders.quietest_s(cue.end_s, start_s)), borders.duration_s
    beginning = borders.pause(following.start_s, after_s)
    if ending and beginning and ending.start_s < beginning.start_s and not _is_one_border(cue, following):
        return ending.ending_s, beginning.beginning_s
    shared = borders.shared_pause(cue.end_s, following.start_s, after_s)
    if _is_one_border(cue, following):
        if shared:
            return shared.ending_s, shared.beginning_s
        cut_s = borders.quietest_s((cue.end_s + following.start_s) / 2, start_s)
        return cut_s, cut_s
    end_s = ending.ending_s if ending else borders.quietest_s(cue.end_s, start_s)
    return end_s, max(end_s, _start_s(following.start_s, borders, end_s))


def _is_one_border(cue: Cue, following: Cue) -> bool:
    """True if so little time lies between two cues that no speech of others can be there."""
    return following.start_s - cue.end_s <= TOLERANCE_S


def _smoothed(level_db: NDArray[np.float32]) -> NDArray[np.float32]:
    if not len(level_db):
        return level_db
    power = 10 ** (np.pad(level_db, QUIET_FRAMES // 2, mode="edge") / 10)
    return np.convolve(power, np.ones(QUIET_FRAMES) / QUIET_FRAMES, mode="valid").astype(np.float32)
