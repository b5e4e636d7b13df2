"""Fits the times of words to the sound: a word begins and ends with sound, and holds no long silence.

The decoder's attention says which sound belongs to which word, but it counts the silence between two words as a part of
one of them, usually the second:

    sound       ▄▄▄▄▄▄▄▄        ▄▄▄▄▄▄▄▄▄▄▄▄
    attention   [------][-----------][-----]
    fitted      [------]        [----][----]

Each border between two words stays in the sound, or moves to a silence; what costs least is chosen for all borders of
an utterance at once (dynamic programming): the distance to the time of the attention, silence inside of words, sound
that belongs to no word, and words that are too short for their letters."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.engine.pauses import levels_db
from qal.engine.words import Word

HOP_S = 0.01
HOP = round(HOP_S * SAMPLE_RATE)  # samples between levels
WIDTH = 2 * HOP  # samples of a level
FLOOR, SPEECH = 5, 95  # percentiles of the levels
MAX_BELOW_DB = 30.0  # sound that is further below the speech is silence
MIN_ABOVE_DB = 6.0  # sound is at least this far above the floor
MIN_RANGE_DB = 12.0  # from the floor to the speech; with less, silence and speech cannot be separated
MIN_SILENCE_S = 0.05  # shorter silence belongs to the sounds around it, as in the closure of a consonant
MIN_SOUND_S = 0.03  # shorter sound is a click
REACH_S = 3.0  # farthest silence to which a border moves
SILENCE_COST = 4.0  # of a second of silence inside of a word
SKIPPED_COST = 3.0  # of a second of sound that belongs to no word
SHORT_COST = 1.0  # of a second that a word is too short
MIN_LETTER_S = 0.03  # of a word
MIN_WORD_S = 0.04  # a word without sound; words of this length still count as such in a loop


class Stretch(NamedTuple):
    """A stretch of sound."""

    start_s: float
    end_s: float


class Border(NamedTuple):
    """Where a word ends and the next one starts, with what this choice costs."""

    end_s: float
    start_s: float
    cost: float


def fit_to_sound(words: Sequence[Word], samples: Samples) -> tuple[Word, ...]:
    """Returns the words of an utterance, (n,) at 16 kHz, with times that fit its sound, in order.

    Where silence and speech cannot be separated, only words without duration get one."""
    stretches = sound_stretches(samples)
    if not words or not stretches:
        return _with_durations(words, len(samples) / SAMPLE_RATE)
    borders = _cheapest_borders(words, _Sound(stretches))
    fitted = [
        replace(word, start_s=before.start_s, end_s=max(before.start_s, after.end_s))
        for word, before, after in zip(words, borders, borders[1:], strict=False)
    ]
    return _with_durations(fitted, len(samples) / SAMPLE_RATE)


def sound_stretches(samples: Samples) -> list[Stretch]:
    """Returns the stretches of sound between silences, in seconds; [] if silence and speech cannot be separated."""
    starts = np.arange(0, len(samples) - WIDTH, HOP)
    if not len(starts):
        return []
    level_db = levels_db(samples, starts, WIDTH)
    floor, speech = np.percentile(level_db, [FLOOR, SPEECH])
    if speech - floor < MIN_RANGE_DB:
        return []
    is_sound = level_db > max(speech - MAX_BELOW_DB, floor + MIN_ABOVE_DB)
    edges = np.flatnonzero(np.diff(is_sound, prepend=False, append=False)).reshape(-1, 2)
    stretches: list[Stretch] = []
    for first, end in edges:  # a level is that of the middle of its width
        start_s, end_s = (first + 0.5) * HOP_S, (end + 0.5) * HOP_S
        if stretches and start_s - stretches[-1].end_s < MIN_SILENCE_S:
            stretches[-1] = Stretch(stretches[-1].start_s, end_s)
        else:
            stretches.append(Stretch(start_s, end_s))
    return [stretch for stretch in stretches if stretch.end_s - stretch.start_s >= MIN_SOUND_S]


class _Sound:
    """Stretches of sound, with the sums that costs are computed from."""

    def __init__(self, stretches: Sequence[Stretch]):
        self.stretches = stretches
        self.starts = [s.start_s for s in stretches]
        self.ends = [s.end_s for s in stretches]
        self._before = np.cumsum([0.0, *(s.end_s - s.start_s for s in stretches)]).tolist()

    def until(self, time_s: float) -> float:
        """Returns the seconds of sound before a time."""
        i = bisect_right(self.starts, time_s)
        return self._before[i] - max(0.0, self.ends[i - 1] - time_s) if i else 0.0

    def word_cost(self, start_s: float, end_s: float, letters: int) -> float:
        """Returns the cost of the silence inside of a word, and of its shortness."""
        sound_s = self.until(end_s) - self.until(start_s)
        silence_s = max(0.0, end_s - start_s - sound_s)
        return SILENCE_COST * silence_s + SHORT_COST * max(0.0, letters * MIN_LETTER_S - sound_s)

    def borders(self, time_s: float) -> list[Border]:
        """Returns the possible borders of two words whose border is at a time by the attention."""
        i = bisect_right(self.starts, time_s) - 1
        in_sound = i >= 0 and time_s < self.ends[i]
        found = [Border(time_s, time_s, 0.0)] if in_sound else []
        first, last = bisect_left(self.ends, time_s - REACH_S), bisect_right(self.starts, time_s + REACH_S)
        for left in range(max(0, first), min(last, len(self.starts) - 1)):
            for right in (left + 1, left + 2):
                if right < len(self.starts):
                    end_s, start_s = self.ends[left], self.starts[right]
                    skipped_s = self.until(start_s) - self.until(end_s)
                    distance_s = max(0.0, end_s - time_s, time_s - start_s)
                    found.append(Border(end_s, start_s, distance_s + SKIPPED_COST * skipped_s))
        return found or [Border(time_s, time_s, 0.0)]

    def first_borders(self) -> list[Border]:
        """Returns the possible starts of the first word."""
        return [Border(0.0, start_s, SKIPPED_COST * self.until(start_s)) for start_s in self.starts]

    def last_borders(self) -> list[Border]:
        """Returns the possible ends of the last word."""
        total_s = self._before[-1]
        return [Border(end_s, end_s, SKIPPED_COST * (total_s - self.until(end_s))) for end_s in self.ends]


def _cheapest_borders(words: Sequence[Word], sound: _Sound) -> list[Border]:
    """Returns the borders before, between and after the words with the lowest sum of costs."""
    choices = [sound.first_borders(), *(sound.borders(word.end_s) for word in words[:-1]), sound.last_borders()]
    costs = [border.cost for border in choices[0]]
    paths: list[list[int]] = []  # for each border its best predecessor
    for word, before, after in zip(words, choices, choices[1:], strict=False):
        letters = sum(map(str.isalnum, word.text))
        best = []
        for border in after:
            sums = [
                cost + sound.word_cost(b.start_s, border.end_s, letters) + 10.0 * max(0.0, b.start_s - border.end_s)
                for b, cost in zip(before, costs, strict=True)
            ]
            cheapest = min(range(len(sums)), key=sums.__getitem__)
            best.append((cheapest, sums[cheapest] + border.cost))
        paths.append([previous for previous, _ in best])
        costs = [cost for _, cost in best]
    i = min(range(len(costs)), key=costs.__getitem__)
    chosen = [choices[-1][i]]
    for path, before in zip(reversed(paths), reversed(choices[:-1]), strict=True):
        i = path[i]
        chosen.append(before[i])
    return chosen[::-1]


def _with_durations(words: Sequence[Word], duration_s: float) -> tuple[Word, ...]:
    """Returns the words in order of time, none of them without duration, within an utterance of `duration_s`."""
    latest_s, ends = duration_s, []
    for word in reversed(words):  # the last words leave room for each other
        latest_s = min(word.end_s, latest_s)
        ends.append(latest_s)
    timed, earliest_s = [], 0.0
    for word in words:
        start_s = max(word.start_s, earliest_s)
        end_s = max(word.end_s, start_s + MIN_WORD_S)
        timed.append(replace(word, start_s=start_s, end_s=end_s))
        earliest_s = end_s
    return tuple(timed)
