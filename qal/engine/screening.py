"""Screening: text that the model invented is not shown.

Whisper writes something even where nobody spoke. Its own figures give most inventions away (Radford et
al. 2022, §4.5): a high probability of no speech together with unlikely tokens, and text that repeats
itself so much that it compresses too well. base-adaptive has learned when nobody speaks: a very high probability is
enough (docs/base-adaptive.md). The VAD gives the rest away: an animal, an instrument or a ghost opens the gate, but
not for one window is it sure of speech. docs/benchmarks.md says what each bound costs."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pydantic import BaseModel, Field

from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance

# A second reading of what went wrong: no group of three tokens twice, and nothing from before that it could go on with
NO_LOOPS = {"no_repeat_ngram_size": 3}
MAX_COMPRESSION = 2.4  # of ordinary text; a loop shrinks by more


class SpeechEngine(Protocol):
    """What turns speech into text; qal.engine.engine.Engine is one."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]: ...


class ScreeningOptions(BaseModel, frozen=True, extra="forbid"):
    max_no_speech_prob: float = Field(default=0.6, ge=0, le=1, description="above it, unlikely text is invented")
    sure_silence: float = Field(default=0.9, ge=0, le=1, description="above it, any text is invented")
    min_avg_logprob: float = Field(default=-1.0, le=0, description="below it, doubted text is invented")
    sure_speech: float = Field(default=0.95, ge=0, le=1, description="a noise reaches it in none of the VAD's windows")
    noise_logprob: float = Field(default=-0.7, le=0, description="below it, text where no speech is sure is invented")
    hopeless_logprob: float = Field(default=-2.5, le=0, description="below it, any text is invented")
    max_compression: float = Field(
        default=MAX_COMPRESSION, ge=1, description="text that zlib shrinks by more is a loop"
    )
    temperatures: tuple[float, ...] = Field(
        default=(0.4, 0.8), description="for sure speech whose text is not believed: drawn texts, one after the other"
    )


def screened(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, options: ScreeningOptions
) -> list[Transcript | None]:
    """Transcripts, with None where there is no text or it was invented.

    What a loop, or text that was not believed, is replaced by must be likely."""
    transcripts, loops = without_loops(engine, utterances, decoding, options.max_compression)
    found = [
        None if is_invented(t, options, u.speech_probability, doubted=i in loops) else t
        for i, (u, t) in enumerate(zip(utterances, transcripts, strict=True))
    ]
    for temperature in options.temperatures:
        open_ = [i for i, t in enumerate(transcripts) if not found[i] and is_speech(t, utterances[i], options)]
        drawn = decoding.model_copy(update={"temperature": temperature})
        again = engine.transcribe([replace(utterances[i], before="") for i in open_], drawn)
        for i, transcript in zip(open_, again, strict=True):
            found[i] = None if is_invented(transcript, options, doubted=True) else transcript
    return found


def is_speech(transcript: Transcript, utterance: Utterance, options: ScreeningOptions) -> bool:
    """Both the VAD and the model have no doubt that somebody speaks."""
    sure = utterance.speech_probability >= options.sure_speech
    return bool(transcript.text) and sure and transcript.no_speech_prob <= options.max_no_speech_prob


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
    alone = [replace(utterances[i], before="") for i in loops]
    again = engine.transcribe(alone, decoding.model_copy(update=NO_LOOPS))
    for i, transcript in zip(loops, again, strict=True):
        transcripts[i] = transcript
    return transcripts, loops


def is_invented(
    transcript: Transcript, options: ScreeningOptions, speech_probability: float = 1.0, doubted: bool = False
) -> bool:
    """`doubted`: there is a reason to ask for likely text besides the probabilities of speech."""
    bound = options.hopeless_logprob
    if doubted or transcript.no_speech_prob > options.max_no_speech_prob:
        bound = options.min_avg_logprob
    if speech_probability < options.sure_speech:
        bound = max(bound, options.noise_logprob)
    unlikely = transcript.avg_logprob < bound or transcript.no_speech_prob > options.sure_silence
    return not transcript.text or unlikely or compression(transcript.text) > options.max_compression


def compression(text: str) -> float:
    """Bytes of the text to bytes of its zlib form; ordinary text is below 2."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0
