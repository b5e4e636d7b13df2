"""Screening: text that the model invented is not shown.

Whisper writes something even where nobody spoke. Its own figures give most inventions away (Radford et
al. 2022, §4.5): a high probability of no speech together with unlikely tokens, and text that repeats
itself so much that it compresses too well."""

import zlib
from collections.abc import Sequence
from typing import Protocol

from pydantic import BaseModel, Field

from engine.decoding import GREEDY, DecodingOptions
from engine.engine import Transcript, Utterance

NO_LOOPS = {"no_repeat_ngram_size": 3}
MAX_COMPRESSION = 2.4  # of ordinary text; a loop shrinks by more


class SpeechEngine(Protocol):
    """What turns speech into text; engine.engine.Engine is one."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]: ...


class ScreeningOptions(BaseModel, frozen=True, extra="forbid"):
    max_no_speech_prob: float = Field(default=0.6, ge=0, le=1, description="above it, unlikely text is invented")
    min_avg_logprob: float = Field(default=-1.0, le=0, description="below it, doubted text is invented")
    hopeless_logprob: float = Field(default=-2.5, le=0, description="below it, any text is invented")
    max_compression: float = Field(
        default=MAX_COMPRESSION, ge=1, description="text that zlib shrinks by more is a loop"
    )


def screened(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, options: ScreeningOptions
) -> list[Transcript | None]:
    """Transcripts, with None where there is no text or it was invented.

    The second reading of a loop must be likely to be believed."""
    transcripts, loops = without_loops(engine, utterances, decoding, options.max_compression)
    return [None if is_invented(t, options, doubted=i in loops) else t for i, t in enumerate(transcripts)]


def without_loops(
    engine: SpeechEngine,
    utterances: Sequence[Utterance],
    decoding: DecodingOptions = GREEDY,
    max_compression: float = MAX_COMPRESSION,
) -> tuple[list[Transcript], list[int]]:
    """Transcripts, and which of them were loops.

    A loop is decoded once more with repetitions forbidden, because there may be real words before it."""
    transcripts = engine.transcribe(utterances, decoding)
    loops = [i for i, t in enumerate(transcripts) if compression(t.text) > max_compression]
    again = engine.transcribe([utterances[i] for i in loops], decoding.model_copy(update=NO_LOOPS)) if loops else []
    for i, transcript in zip(loops, again, strict=True):
        transcripts[i] = transcript
    return transcripts, loops


def is_invented(transcript: Transcript, options: ScreeningOptions, doubted: bool = False) -> bool:
    """`doubted`: there is a reason to ask for likely text besides the probability of no speech."""
    doubted = doubted or transcript.no_speech_prob > options.max_no_speech_prob
    unlikely = transcript.avg_logprob < (options.min_avg_logprob if doubted else options.hopeless_logprob)
    return not transcript.text or unlikely or compression(transcript.text) > options.max_compression


def compression(text: str) -> float:
    """Bytes of the text to bytes of its zlib form; ordinary text is below 2."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0
