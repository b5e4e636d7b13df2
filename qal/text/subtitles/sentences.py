"""Sentences and paragraphs of a transcript, for the formats that are no subtitles."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from qal.text.subtitles.cues import SpeechRun, speech_runs
from qal.text.subtitles.timed_text import TimedSegment
from qal.text.subtitles.units import Break, Unit, joined


@dataclass(frozen=True)
class Passage:
    """A sentence or a paragraph, with times from the start of the file."""

    start_s: float
    end_s: float
    text: str
    language: str | None
    channel: int | None


def paragraphs(segments: Iterable[TimedSegment], max_pause_s: float) -> list[Passage]:
    """Returns the text between pauses that are longer than max_pause_s; a language or a channel has its own."""
    return [_passage(run, run.units) for run in _runs(segments, max_pause_s)]


def sentences(segments: Iterable[TimedSegment], max_pause_s: float) -> list[Passage]:
    """Returns the text up to the ends of sentences and to pauses that are longer than max_pause_s."""
    found = []
    for run in _runs(segments, max_pause_s):
        ends = [i for i, unit in enumerate(run.units, 1) if unit.ending == Break.SENTENCE]
        borders = sorted({0, *ends, len(run.units)})
        found += [_passage(run, run.units[first:end]) for first, end in pairwise(borders)]
    return found


def _runs(segments: Iterable[TimedSegment], max_pause_s: float) -> list[SpeechRun]:
    runs = [run for turn in _turns(segments) for run in speech_runs(turn, max_pause_s)]
    return sorted(runs, key=lambda run: run.units[0].start_s)


def _turns(segments: Iterable[TimedSegment]) -> Iterator[list[TimedSegment]]:
    """Yields the segments in order, divided where another channel speaks."""
    turn: list[TimedSegment] = []
    for segment in segments:
        if turn and getattr(turn[-1], "channel", None) != getattr(segment, "channel", None):
            yield turn
            turn = []
        turn.append(segment)
    if turn:
        yield turn


def _passage(run: SpeechRun, units: Sequence[Unit]) -> Passage:
    return Passage(units[0].start_s, units[-1].end_s, joined(units), run.language, run.channel)
