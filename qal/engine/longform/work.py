"""Work: the sections of a stream are read in windows of work, so that text comes early and batches are full.

The first window is one section, so that text comes within seconds; they then double up to MAX_SECTIONS. While one is
decoded, the next is cut from the stream. Its utterances are read in batches of like length, in as many calls at
once as the engine computes. They are `on_grid`, so that no text depends on the other utterances of its batch."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from qal.audio.samples import SAMPLE_RATE, seconds
from qal.engine.context import context_frames, grid_samples
from qal.engine.decoding import DecodingOptions
from qal.engine.engine import Utterance
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.regions import MergedRegion
from qal.engine.longform.sections import Section
from qal.engine.model_directory import ContextAbility
from qal.engine.reading import Reading, SpeechEngine
from qal.engine.screening import read_screened

MAX_SECTIONS = 8  # of a window of work; bounds the memory and the time until the next text
Progress = Callable[[float], object]  # called with the seconds of audio since the last call


class FileEngine(SpeechEngine, Protocol):
    """An engine that also reports the shortest context of its weights, and the calls that it computes at once."""

    @property
    def ability(self) -> ContextAbility: ...
    @property
    def workers(self) -> int: ...


@dataclass(frozen=True)
class FileReader:
    """Reads the utterances of a file."""

    engine: FileEngine
    task: str
    decoding: DecodingOptions
    options: LongformOptions
    begins_transcript: bool = True  # its first utterance is the first of the file

    def read(self, utterances: Sequence[Utterance]) -> list[list[Reading]]:
        """Returns the parts of each utterance that have a plausible text."""
        if not utterances:
            return []
        return read_screened(self.engine, utterances, self.decoding, self.options.screening)

    def batches(self, utterances: Sequence[Utterance]) -> list[list[int]]:
        """Returns the indices of the utterances of each batch: those that are encoded alike, the longest first."""
        alike: dict[int, list[int]] = {}
        for i, utterance in enumerate(utterances):
            context = context_frames(grid_samples(len(utterance.samples)), self.engine.ability)
            alike.setdefault(context, []).append(i)
        size = min(self.options.batch_size, max(1, -(-len(utterances) // self.engine.workers)))
        return [batch for context in sorted(alike, reverse=True) for batch in _evenly(alike[context], size)]


class Stretch(NamedTuple):
    """A stretch of a file that is read as one utterance."""

    region: MergedRegion
    utterance: Utterance
    language_probability: float | None = None  # of the language that was detected before


class PlannedSection(NamedTuple):
    """A section and the stretches that are read of it, in order of time."""

    section: Section
    stretches: list[Stretch]


class ReadStretch(NamedTuple):
    """A stretch and its parts that have a plausible text."""

    stretch: Stretch
    readings: list[Reading]


class ReadSection(NamedTuple):
    """A section and what was read of it, in order of time."""

    section: Section
    stretches: list[ReadStretch]


def read_sections(
    reader: FileReader, sections: Iterable[Section], plan: Callable[[Section], list[Stretch]], progress: Progress
) -> Iterator[ReadSection]:
    """Yields the sections of a stream in order, read.

    Args:
        reader: reads the utterances.
        sections: the stream.
        plan: returns the stretches of a section.
        progress: called as batches end; the seconds add up to the duration of the sections.
    """
    pool = ThreadPoolExecutor(reader.engine.workers, "longform")
    begins = reader.begins_transcript
    try:
        begun = None
        for window in _windows(sections):
            planned = []
            for section in window:
                stretches = _first_begins(plan(section), begins)
                planned.append(PlannedSection(section, stretches))
                begins = begins and not stretches
            following = _Window(reader, planned, pool)
            if begun:
                yield from begun.results(progress)
            begun = following
        if begun:
            yield from begun.results(progress)
    finally:
        pool.shutdown(cancel_futures=True)


def _first_begins(stretches: Sequence[Stretch], begins: bool) -> list[Stretch]:
    """Returns stretches of which none, or the first, begins the transcript of a file."""
    return [
        stretch._replace(utterance=replace(stretch.utterance, begins_transcript=begins and i == 0))
        for i, stretch in enumerate(stretches)
    ]


def _windows(sections: Iterable[Section]) -> Iterator[list[Section]]:
    """Yields windows of one, one, two, four … sections."""
    window: list[Section] = []
    size, done = 1, 0
    for section in sections:
        window.append(section)
        if len(window) >= size:
            yield window
            done += len(window)
            window, size = [], min(MAX_SECTIONS, done)
    if window:
        yield window


class _Window:
    """A window of work whose batches are being read."""

    def __init__(self, reader: FileReader, planned: list[PlannedSection], pool: ThreadPoolExecutor):
        self._planned = planned
        self._utterances = [stretch.utterance for _, stretches in planned for stretch in stretches]
        self._batches: list[tuple[list[int], Future[list[list[Reading]]]]] = [
            (batch, pool.submit(reader.read, [self._utterances[i] for i in batch]))
            for batch in reader.batches(self._utterances)
        ]

    def results(self, progress: Progress) -> Iterator[ReadSection]:
        """Waits for the batches and yields the sections."""
        duration_s = sum(len(planned.section.samples) for planned in self._planned) / SAMPLE_RATE
        spoken_s = sum(seconds(utterance.samples) for utterance in self._utterances)
        found: dict[int, list[Reading]] = {}
        for batch, future in self._batches:
            found |= zip(batch, future.result(), strict=True)
            progress(duration_s * sum(seconds(self._utterances[i].samples) for i in batch) / spoken_s)
        if not spoken_s:
            progress(duration_s)
        in_order = iter(sorted(found))
        for section, stretches in self._planned:
            yield ReadSection(section, [ReadStretch(stretch, found[next(in_order)]) for stretch in stretches])


def _evenly(items: Sequence[int], size: int) -> list[list[int]]:
    """Divides items into as few lists of at most `size` as possible, of like length."""
    count = -(-len(items) // size)
    return [list(items[len(items) * i // count : len(items) * (i + 1) // count]) for i in range(count)]
