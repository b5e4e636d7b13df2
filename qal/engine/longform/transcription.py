"""Transcribes files of any length: finds the regions of speech, merges neighbours, and decodes them in batches.

regions     ▄▄ ▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄      ▄▄▄▄   ▄▄
cut         ▄▄ ▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄ ▄▄▄▄▄▄▄▄▄      ▄▄▄▄   ▄▄     at the quietest window
merged      [------] [---------] [-------]      [-------]     short neighbours, up to the target
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Utterance
from qal.engine.languages import HeldLanguage, LanguageDetection
from qal.engine.longform.options import (
    ADAPTIVE_TARGET_S,
    DEFAULT_LONGFORM,
    FULL_TARGET_S,
    LONGFORM_DECODING,
    LongformOptions,
)
from qal.engine.longform.regions import MergedRegion, find_merged_regions
from qal.engine.longform.segment import Segment
from qal.engine.model_directory import ContextAbility
from qal.engine.reading import Reading, SpeechEngine
from qal.engine.screening import read_screened

Item = TypeVar("Item")
Result = TypeVar("Result")
MIN_DETECTION_S = 5.0  # shorter speech gives less reliable language detection
MIN_CHANGE_S = 1.0  # shorter speech is in the language of the file
LANGUAGE_DETECTION = GREEDY.model_copy(update={"max_tokens": 1})


class FileEngine(SpeechEngine, Protocol):
    """An engine that also reports the shortest context of its weights, and the calls that it computes at once."""

    @property
    def ability(self) -> ContextAbility: ...
    @property
    def workers(self) -> int: ...


@dataclass(frozen=True)
class FileReader:
    """Reads the regions of one file."""

    engine: SpeechEngine
    samples: Samples
    task: str
    decoding: DecodingOptions
    options: LongformOptions
    first: MergedRegion | None = None  # of the file, at which a prefix stands

    def read(self, regions: Sequence[MergedRegion], held: HeldLanguage) -> dict[MergedRegion, list[Reading]]:
        """Returns the parts of each region that have a plausible text."""
        utterances = [self._utterance(region, held) for region in regions]
        found = read_screened(self.engine, utterances, self.decoding, self.options.screening) if regions else []
        return dict(zip(regions, found, strict=True))

    def _utterance(self, region: MergedRegion, held: HeldLanguage) -> Utterance:
        is_long = region.speech_end - region.speech_start >= MIN_CHANGE_S * SAMPLE_RATE
        language, detection = held.next_utterance(can_change=is_long)
        samples, begins = region.cut(self.samples), self.first in (None, region)
        return Utterance(
            samples, language, self.task, region.speech_probability, detection=detection, begins_transcript=begins
        )


def transcribe_file(
    engine: FileEngine,
    samples: Samples,
    language: str | None = None,
    task: str = "transcribe",
    decoding: DecodingOptions = LONGFORM_DECODING,
    options: LongformOptions = DEFAULT_LONGFORM,
    progress: Callable[[float], object] = lambda done_s: None,
) -> list[Segment]:
    """Transcribes a file of any length.

    Args:
        engine: the model.
        samples: (n,) at 16 kHz.
        language: language code; None: detected on the first speech that is long enough; another language is used
            where the sound contradicts it, with certainty or in two regions of speech that follow each other.
        task: "transcribe", or "translate" into English.
        decoding: options of the decoder.
        options: lengths, batch size, gate and screening.
        progress: called with the seconds of audio processed since the last call; they add up to the whole file.

    Returns:
        Segments in order; [] if there is no speech.
    """
    target_s = options.target_s or (ADAPTIVE_TARGET_S if engine.ability.adaptive else FULL_TARGET_S)
    regions = find_merged_regions(samples, target_s, options)
    progress(seconds(samples) - sum(r.end - r.start for r in regions) / SAMPLE_RATE)
    reader = FileReader(engine, samples, task, decoding, options, next(iter(regions), None))
    held = HeldLanguage(language, options.languages)
    if regions and held.language is None:
        held.add(detect_language(engine, samples, regions, options.languages), None)
    found: dict[MergedRegion, list[Reading]] = {}
    by_length = sorted(regions, key=lambda r: r.end - r.start, reverse=True)
    size = min(options.batch_size, max(1, math.ceil(len(regions) / engine.workers)))
    batches = [by_length[first : first + size] for first in range(0, len(by_length), size)]
    for batch, read in zip(batches, in_parallel(engine.workers, lambda b: reader.read(b, held), batches), strict=True):
        found |= read
        progress(sum(r.end - r.start for r in batch) / SAMPLE_RATE)
    for other, contradicting in regions_in_another_language(regions, found).items():
        found |= reader.read(contradicting, HeldLanguage(other))
    return [segment for region in regions for segment in _segments(region, found[region])]


def in_parallel(workers: int, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yields the function's results in the order of the items; items that have not begun at an error are left out."""
    pool = ThreadPoolExecutor(workers, "longform")
    try:
        yield from pool.map(function, items)
    finally:
        pool.shutdown(cancel_futures=True)


def detect_language(
    engine: SpeechEngine, samples: Samples, regions: Sequence[MergedRegion], among: tuple[str, ...] = ()
) -> str:
    """Detects the language of the first region of MIN_DETECTION_S or more; if there is none, of the longest.

    `among` are the languages that are possible; (): all."""
    longest = max(regions, key=lambda r: r.end - r.start)
    chosen = next((r for r in regions if r.end - r.start >= MIN_DETECTION_S * SAMPLE_RATE), longest)
    utterance = Utterance(chosen.cut(samples), detection=LanguageDetection(among=among))
    return engine.transcribe([utterance], LANGUAGE_DETECTION)[0].language


def regions_in_another_language(
    regions: Sequence[MergedRegion], found: dict[MergedRegion, list[Reading]]
) -> dict[str, list[MergedRegion]]:
    """Returns, by language, the regions that were read in the held language although they and a neighbour are likely
    in another one."""
    others = [found[region][0].transcript.other_language if found[region] else None for region in regions]
    contradicting: dict[str, list[MergedRegion]] = {}
    for i, (region, other) in enumerate(zip(regions, others, strict=True)):
        has_neighbour = other in [*others[max(0, i - 1) : i], *others[i + 1 : i + 2]]
        if other and has_neighbour and found[region][0].transcript.language != other:
            contradicting.setdefault(other, []).append(region)
    return contradicting


def _segments(region: MergedRegion, readings: Sequence[Reading]) -> list[Segment]:
    """Makes a segment of each part of a region, without the silence around the region's speech."""
    segments = []
    for reading in readings:
        start = region.start + round(reading.start_s * SAMPLE_RATE)
        end = start + len(reading.utterance.samples)
        segments.append(
            Segment(
                start_s=max(start, region.speech_start) / SAMPLE_RATE,
                end_s=min(end, region.speech_end) / SAMPLE_RATE,
                text=reading.transcript.text,
                language=reading.transcript.language,
                avg_logprob=reading.transcript.avg_logprob,
                no_speech_prob=reading.transcript.no_speech_prob,
            )
        )
    return segments
