"""A segment: transcribed speech of a file, with its times."""

from dataclasses import dataclass, replace

from qal.audio.samples import SAMPLE_RATE, seconds
from qal.engine.longform.regions import MergedRegion
from qal.engine.reading import Reading
from qal.engine.words import Word


@dataclass(frozen=True)
class Segment:
    """Transcribed speech of a file, with times from its start."""

    start_s: float
    end_s: float
    text: str
    language: str
    avg_logprob: float
    no_speech_prob: float
    words: tuple[Word, ...] = ()  # with times from the start of the file; empty unless they were asked for
    language_probability: float | None = None  # of the detected language; None: it was given
    channel: int | None = None  # of the file, from 0; None: the channels were mixed


def to_segment(reading: Reading, region: MergedRegion, language_probability: float | None = None) -> Segment:
    """Makes a segment of a part of a region, without the silence around the region's speech.

    `language_probability` is used where the language was detected before the region was read."""
    transcript = reading.transcript
    end_in_region_s = reading.start_s + seconds(reading.utterance.samples)
    start_s = region.file_time_s(reading.start_s)
    end_s = region.file_time_s(end_in_region_s, is_end=True)
    return Segment(
        start_s=max(start_s, region.speech_start / SAMPLE_RATE),
        end_s=min(end_s, region.speech_end / SAMPLE_RATE),
        text=transcript.text,
        language=transcript.language,
        avg_logprob=transcript.avg_logprob,
        no_speech_prob=transcript.no_speech_prob,
        words=tuple(_in_file(word, reading.start_s, region) for word in transcript.words),
        language_probability=transcript.language_probability or language_probability,
    )


def _in_file(word: Word, offset_s: float, region: MergedRegion) -> Word:
    start_s = region.file_time_s(offset_s + word.start_s)
    return replace(word, start_s=start_s, end_s=max(start_s, region.file_time_s(offset_s + word.end_s, is_end=True)))
