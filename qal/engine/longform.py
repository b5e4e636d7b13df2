"""Whole files of any length: regions of speech, merged to what the model hears best, in batches.

regions     ▄▄ ▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄      ▄▄▄▄   ▄▄
cut         ▄▄ ▄▄▄   ▄▄▄▄▄▄▄▄▄▄▄ ▄▄▄▄▄▄▄▄▄      ▄▄▄▄   ▄▄     at the quietest window
merged      [------] [---------] [-------]      [-------]     short neighbours, up to the target
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from pydantic import BaseModel, Field

from qal.audio.gate import Gate, GateOptions, Region
from qal.audio.samples import SAMPLE_RATE, Samples, seconds
from qal.audio.vad import VAD_WINDOW, VadStream
from qal.engine.decoding import GREEDY, MAX_TEXT_TOKENS, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.model_directory import ContextAbility
from qal.engine.screening import ScreeningOptions, SpeechEngine, screened

WINDOWS_PER_SECOND = SAMPLE_RATE / VAD_WINDOW
ADAPTIVE_TARGET_S = 15.0  # longer is hardly faster, and costs accuracy
FULL_TARGET_S = 28.0  # every batch row costs 30 s anyway
LANGUAGE_S = 5.0  # shorter speech gives its language away less surely
WHOLE_TEXT = GREEDY.model_copy(update={"max_tokens": MAX_TEXT_TOKENS})
ONE_TOKEN = GREEDY.model_copy(update={"max_tokens": 1})


class LongformOptions(BaseModel, frozen=True, extra="forbid"):
    target_s: float | None = Field(
        default=None, ge=2, lt=29, description="merge speech up to it; unset: 15, or 28 at 30 s"
    )
    max_pause_s: float = Field(default=2.0, ge=0, le=28, description="a longer pause is never merged over")
    batch_size: int = Field(default=16, ge=1, le=256, description="stretches of speech decoded at once")
    gate: GateOptions = Field(default=GateOptions(max_segment_s=FULL_TARGET_S), description="what counts as speech")
    screening: ScreeningOptions = Field(default=ScreeningOptions(), description="what counts as invented text")


DEFAULT_LONGFORM = LongformOptions()


class FileEngine(SpeechEngine, Protocol):
    """An engine that also says how short a context its weights can bear."""

    @property
    def ability(self) -> ContextAbility: ...


@dataclass(frozen=True)
class Segment:
    start_s: float
    end_s: float
    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float


@dataclass(frozen=True)
class Stretch:
    """Samples [start, end) of a file that are decoded at once; the speech in them is a bit shorter."""

    start: int
    end: int
    speech_start: int
    speech_end: int
    speech_probability: float

    def samples(self, whole: Samples) -> Samples:
        return whole[self.start : self.end]


def transcribe_file(
    engine: FileEngine,
    samples: Samples,
    language: str | None = None,
    task: str = "transcribe",
    decoding: DecodingOptions = WHOLE_TEXT,
    options: LongformOptions = DEFAULT_LONGFORM,
    progress: Callable[[float], object] = lambda done_s: None,
) -> list[Segment]:
    """(n,) of any length -> segments in order; [] where nobody speaks.

    language None: detected once, on the first long enough speech. progress gets the seconds of sound
    that are done since it was last called; together they are the whole file."""
    target_s = options.target_s or (ADAPTIVE_TARGET_S if engine.ability.adaptive else FULL_TARGET_S)
    stretches = speech_stretches(samples, target_s, options)
    progress(seconds(samples) - sum(s.end - s.start for s in stretches) / SAMPLE_RATE)
    if stretches and language is None:
        language = detect_language(engine, samples, stretches)
    segments: list[Segment] = []
    by_length = sorted(stretches, key=lambda s: s.end - s.start, reverse=True)
    for first in range(0, len(by_length), options.batch_size):
        batch = by_length[first : first + options.batch_size]
        utterances = [Utterance(s.samples(samples), language, task, s.speech_probability) for s in batch]
        transcripts = screened(engine, utterances, decoding, options.screening)
        segments += [_segment(s, t) for s, t in zip(batch, transcripts, strict=True) if t]
        progress(sum(s.end - s.start for s in batch) / SAMPLE_RATE)
    return sorted(segments, key=lambda s: s.start_s)


def speech_stretches(samples: Samples, target_s: float, options: LongformOptions) -> list[Stretch]:
    """Where the speech is, in stretches of at most target_s."""
    longest_s = min(target_s, options.gate.max_segment_s)
    gate = Gate(options.gate.model_copy(update={"max_segment_s": longest_s}))
    regions = gate.feed(VadStream().feed(samples)) + gate.flush()
    return [
        Stretch(
            start=group[0].start * VAD_WINDOW,
            end=group[-1].end * VAD_WINDOW,
            speech_start=group[0].speech_start * VAD_WINDOW,
            speech_end=group[-1].speech_end * VAD_WINDOW,
            speech_probability=max(region.peak for region in group),
        )
        for group in merged(regions, target_s, options.max_pause_s)
    ]


def merged(regions: Sequence[Region], target_s: float, max_pause_s: float) -> list[list[Region]]:
    """Neighbours in groups that last at most target_s, with no pause over max_pause_s inside."""
    groups = [[region] for region in regions[:1]]
    for previous, region in pairwise(regions):
        lasts_s = (region.end - groups[-1][0].start) / WINDOWS_PER_SECOND
        pause_s = (region.speech_start - previous.speech_end) / WINDOWS_PER_SECOND
        if lasts_s <= target_s and pause_s <= max_pause_s:
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def detect_language(engine: SpeechEngine, samples: Samples, stretches: Sequence[Stretch]) -> str:
    """The language of the first stretch of LANGUAGE_S or more; where there is none, of the longest."""
    longest = max(stretches, key=lambda s: s.end - s.start)
    chosen = next((s for s in stretches if s.end - s.start >= LANGUAGE_S * SAMPLE_RATE), longest)
    return engine.transcribe([Utterance(chosen.samples(samples))], ONE_TOKEN)[0].language


def _segment(stretch: Stretch, transcript: Transcript) -> Segment:
    return Segment(
        start_s=stretch.speech_start / SAMPLE_RATE,
        end_s=stretch.speech_end / SAMPLE_RATE,
        text=transcript.text,
        language=transcript.language,
        avg_logprob=transcript.avg_logprob,
        no_speech_prob=transcript.no_speech_prob,
    )
