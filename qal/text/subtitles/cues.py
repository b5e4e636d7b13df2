"""Divides the words of a transcript into the cues of subtitles.

words       That agent is already logged on. Please enter your agent number followed by the pound key.
cues        That agent is already logged on. │ Please enter your agent number    │
                                             │ followed by the pound key.        │

The division whose costs are lowest is chosen for a whole stretch of speech at once (dynamic programming): cues end at
the ends of sentences, else at clauses or pauses, they can be read in their time, and no word is left alone. Rules that
the text allows always hold; a single word may be wider than a line or faster than it can be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from qal.text.letter_width import text_width
from qal.text.scripts import is_written_without_spaces
from qal.text.subtitles.lines import Widths, break_lines
from qal.text.subtitles.rules import SubtitleRules, line_letters
from qal.text.subtitles.timed_text import TimedSegment, TimedWord, words_of
from qal.text.subtitles.units import Break, Unit, make_units, with_endings

CUE_COST = 2.0  # of each cue, so that there are few
END_COSTS = {Break.SENTENCE: 0.0, Break.CLAUSE: 1.5, Break.WORD: 4.0}  # of the end of a cue
SHORT_WORD_COST = 1.0  # of a cue that ends with a short word
PAUSE_GAIN, MAX_GAIN_S = 4.0, 0.5  # a second of pause after a cue makes its end that much better
INNER_SENTENCE_COST = 1.0  # of the end of a sentence inside of a cue
INNER_PAUSE_COST = 10.0  # of a second of pause inside of a cue
SPEED_COST = 4.0  # of a cue whose letters take twice its time
SHORT_CUE_COST = 3.0  # of a cue that cannot be shown for the shortest duration
ORPHAN_COST = 3.0  # of a cue of one word that is no sentence
LEAD_S = 0.2  # by which a cue may begin before its speech, for the time to read it
SHORTEST_S = 0.04  # of any cue; a frame of film


@dataclass(frozen=True)
class Cue:
    """Lines that are shown together, with times from the start of the file."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    words: tuple[TimedWord, ...] = ()
    language: str | None = None
    channel: int | None = None  # of the file, from 0; None: the channels were mixed

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True)
class SpeechRun:
    """Units of one channel and one language without a long pause."""

    units: list[Unit]
    language: str | None
    channel: int | None


def make_cues(segments: Iterable[TimedSegment], rules: SubtitleRules) -> list[Cue]:
    """Divides segments into cues that obey the rules, in order of time.

    Cues of one channel never overlap; those of two channels do where both speak. Segments without text have no cues."""
    by_channel: dict[int | None, list[TimedSegment]] = {}
    for segment in segments:
        by_channel.setdefault(getattr(segment, "channel", None), []).append(segment)
    cues = [cue for own in by_channel.values() for cue in _timed(_channel_cues(own, rules), rules)]
    return sorted(cues, key=lambda cue: cue.start_s)


def speech_runs(segments: Sequence[TimedSegment], max_pause_s: float) -> list[SpeechRun]:
    """Returns the units of the segments of one channel, divided at long pauses and where the language changes."""
    runs: list[SpeechRun] = []
    latest_s = 0.0
    for segment in segments:
        language, channel = getattr(segment, "language", None), getattr(segment, "channel", None)
        if not runs or runs[-1].language != language:
            runs.append(SpeechRun([], language, channel))
        for i, unit in enumerate(make_units(words_of(segment))):
            space = not is_written_without_spaces(unit.text[0]) if i == 0 else unit.has_space
            start_s = max(unit.start_s, latest_s)
            if runs[-1].units and start_s - latest_s > max_pause_s:
                runs.append(SpeechRun([], language, channel))
            latest_s = max(start_s, unit.end_s)
            runs[-1].units.append(replace(unit, has_space=space, start_s=start_s, end_s=latest_s))
    return [replace(run, units=with_endings(run.units)) for run in runs if run.units]


def _channel_cues(segments: Sequence[TimedSegment], rules: SubtitleRules) -> list[Cue]:
    """Returns the cues of one channel with the times of their speech."""
    cues = []
    for run in speech_runs(segments, rules.max_pause_s):
        letters = line_letters(rules, run.language)
        for first, end in pairwise(_cue_borders(run.units, letters, rules)):
            units = run.units[first:end]
            words = tuple(word for unit in units for word in unit.words)
            lines = break_lines(units, letters, rules.max_lines)
            cues.append(Cue(units[0].start_s, units[-1].end_s, lines, words, run.language, run.channel))
    return cues


def _cue_borders(units: Sequence[Unit], letters: int, rules: SubtitleRules) -> list[int]:
    """Returns the indices at which the cues of a run begin, and the number of units."""
    costs = _CueCosts(units, letters, rules)
    lowest = [0.0]
    previous = [0]
    for end in range(1, len(units) + 1):
        first, best, best_first = end - 1, float("inf"), end - 1
        while first >= 0 and costs.fits(first, end):
            cost = lowest[first] + costs.of(first, end)
            if cost < best:
                best, best_first = cost, first
            first -= 1
        lowest.append(best)
        previous.append(best_first)
    borders = [len(units)]
    while borders[-1]:
        borders.append(previous[borders[-1]])
    return borders[::-1]


class _CueCosts:
    """Costs of the cues that the units of a run can be divided into."""

    def __init__(self, units: Sequence[Unit], letters: int, rules: SubtitleRules):
        self.units, self.letters, self.rules = units, letters, rules
        self.widths = Widths(units)
        self.inner = [0.0]  # sums of the costs of ends that are inside of a cue
        for unit, pause_s in zip(units, self._pauses(), strict=True):
            self.inner.append(
                self.inner[-1] + INNER_SENTENCE_COST * (unit.ending == Break.SENTENCE) + INNER_PAUSE_COST * pause_s
            )
        self.ends = [self._end_cost(unit, pause_s) for unit, pause_s in zip(units, self._pauses(), strict=True)]

    def _pauses(self) -> list[float]:
        return [*(b.start_s - a.end_s for a, b in pairwise(self.units)), 0.0]

    def _end_cost(self, unit: Unit, pause_s: float) -> float:
        gain = PAUSE_GAIN * min(pause_s, MAX_GAIN_S)
        return max(0.0, END_COSTS[unit.ending] + SHORT_WORD_COST * unit.is_short - gain)

    def fits(self, first: int, end: int) -> bool:
        """True if units [first, end) can be one cue; a single unit always can."""
        if end - first == 1:
            return True
        rules = self.rules
        return (
            (rules.max_words is None or end - first <= rules.max_words)
            and self.units[end - 1].end_s - self.units[first].start_s <= rules.max_duration_s
            and self.widths.line_count(first, end, self.letters, rules.max_lines) <= rules.max_lines
        )

    def of(self, first: int, end: int) -> float:
        """Returns the cost of the cue of units [first, end)."""
        rules, is_last = self.rules, end == len(self.units)
        spoken_s = self.units[end - 1].end_s - self.units[first].start_s
        free_s = rules.max_pause_s if is_last else self.units[end].start_s - self.units[end - 1].end_s
        shown_s = min(spoken_s + max(0.0, free_s - rules.min_gap_s), rules.max_duration_s)
        cost = CUE_COST + self.inner[end - 1] - self.inner[first] + (0.0 if is_last else self.ends[end - 1])
        needed_s = self.widths.of(first, end) / rules.max_letters_per_s
        cost += SPEED_COST * max(0.0, needed_s / max(shown_s, SHORTEST_S) - 1.0)
        cost += SHORT_CUE_COST * (shown_s < rules.min_duration_s)
        is_orphan = end - first == 1 and self.units[first].ending != Break.SENTENCE
        return cost + ORPHAN_COST * is_orphan


def _timed(cues: Sequence[Cue], rules: SubtitleRules) -> list[Cue]:
    """Returns cues of one channel with the times at which they are shown.

    A cue that is too short to be read lasts into the pause after it, and then begins up to LEAD_S earlier."""
    timed: list[Cue] = []
    for i, cue in enumerate(cues):
        free_from_s = timed[-1].end_s if timed else 0.0
        start_s = max(cue.start_s, free_from_s)
        needed_s = max(rules.min_duration_s, sum(map(text_width, cue.lines)) / rules.max_letters_per_s)
        needed_s = min(needed_s, rules.max_duration_s)
        end_s = min(max(cue.end_s, start_s + needed_s), start_s + rules.max_duration_s)
        if i + 1 < len(cues):
            next_s = max(cues[i + 1].start_s, start_s)
            end_s = min(end_s, max(next_s - rules.min_gap_s, (start_s + min(end_s, next_s)) / 2))
        end_s = max(end_s, start_s + SHORTEST_S)
        earliest_s = max(start_s - LEAD_S, free_from_s + rules.min_gap_s if timed else 0.0)
        start_s = min(start_s, max(earliest_s, end_s - needed_s))
        timed.append(replace(cue, start_s=start_s, end_s=end_s))
    return timed
