"""A segment: transcribed speech of a file, with its times."""

from dataclasses import dataclass

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
