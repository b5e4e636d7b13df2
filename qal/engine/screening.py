"""Screening: drops hallucinations, which Whisper produces for audio without speech.

Most of them are found by the model's own figures (Radford et al. 2022, §4.5): a high no-speech probability together
with unlikely tokens, and repeated text, which compresses too well. base-adaptive was trained to detect silence, so that
a very high no-speech probability is enough (docs/base-adaptive.md). The VAD finds the others: animals, instruments and
noise open the gate, but in no window is its speech probability high. docs/benchmarks.md gives the cost of each
threshold."""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from pydantic import BaseModel, Field

from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance

NO_REPETITION = {"no_repeat_ngram_size": 3}  # options for the second decoding of a loop
MAX_COMPRESSION_RATIO = 2.4  # of ordinary text; repeated text is above it


class SpeechEngine(Protocol):
    """A model that transcribes utterances, such as qal.engine.engine.Engine."""

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]: ...


class LoopFreeTranscripts(NamedTuple):
    """Transcripts, and the indices of those that were decoded again because they were repetition loops."""

    transcripts: list[Transcript]
    loop_indices: list[int]


class ScreeningOptions(BaseModel, frozen=True, extra="forbid"):
    """Thresholds for the detection of hallucinations."""

    max_no_speech_prob: float = Field(
        default=0.6, ge=0, le=1, description="above this no-speech probability, text must reach min_avg_logprob"
    )
    sure_silence: float = Field(
        default=0.9, ge=0, le=1, description="above this no-speech probability, all text is dropped"
    )
    min_avg_logprob: float = Field(
        default=-1.0, le=0, description="lowest mean log probability of text after a loop or a doubt about speech"
    )
    sure_speech: float = Field(
        default=0.95, ge=0, le=1, description="VAD probability of certain speech, which noise does not reach"
    )
    noise_logprob: float = Field(
        default=-0.7, le=0, description="lowest mean log probability of text without certain speech"
    )
    hopeless_logprob: float = Field(
        default=-2.5, le=0, description="below this mean log probability, all text is dropped"
    )
    max_compression: float = Field(
        default=MAX_COMPRESSION_RATIO, ge=1, description="text with a higher compression ratio is a repetition loop"
    )
    temperatures: tuple[float, ...] = Field(
        default=(0.4, 0.8), description="temperatures of the retries for certain speech whose text was dropped"
    )


def transcribe_screened(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, options: ScreeningOptions
) -> list[Transcript | None]:
    """Transcribes utterances; the result is None where there is no text or it is a hallucination.

    Loops are decoded again without repetitions, and certain speech whose text was dropped is decoded again at
    `options.temperatures`. The new text must reach min_avg_logprob."""
    transcripts, loop_indices = transcribe_without_loops(engine, utterances, decoding, options.max_compression)
    results = [
        None if is_hallucination(t, options, u.speech_probability, doubted=i in loop_indices) else t
        for i, (u, t) in enumerate(zip(utterances, transcripts, strict=True))
    ]
    for temperature in options.temperatures:
        retried = [
            i for i, t in enumerate(transcripts) if not results[i] and is_certain_speech(t, utterances[i], options)
        ]
        sampling = decoding.model_copy(update={"temperature": temperature})
        retries = engine.transcribe([replace(utterances[i], previous_text="") for i in retried], sampling)
        for i, transcript in zip(retried, retries, strict=True):
            results[i] = None if is_hallucination(transcript, options, doubted=True) else transcript
    return results


def is_certain_speech(transcript: Transcript, utterance: Utterance, options: ScreeningOptions) -> bool:
    """True if both the VAD and the model are certain that there is speech."""
    certain = utterance.speech_probability >= options.sure_speech
    return bool(transcript.text) and certain and transcript.no_speech_prob <= options.max_no_speech_prob


def transcribe_without_loops(
    engine: SpeechEngine,
    utterances: Sequence[Utterance],
    decoding: DecodingOptions = GREEDY,
    max_compression: float = MAX_COMPRESSION_RATIO,
) -> LoopFreeTranscripts:
    """Transcribes utterances; repetition loops are decoded once more with repetitions forbidden.

    There may be correct words before a loop, so that its text is not simply dropped."""
    transcripts = engine.transcribe(utterances, decoding)
    loop_indices = [i for i, t in enumerate(transcripts) if compression_ratio(t.text) > max_compression]
    without_prompt = [replace(utterances[i], previous_text="") for i in loop_indices]
    retries = engine.transcribe(without_prompt, decoding.model_copy(update=NO_REPETITION))
    for i, transcript in zip(loop_indices, retries, strict=True):
        transcripts[i] = transcript
    return LoopFreeTranscripts(transcripts, loop_indices)


def is_hallucination(
    transcript: Transcript, options: ScreeningOptions, speech_probability: float = 1.0, doubted: bool = False
) -> bool:
    """True if the text is empty, too unlikely, or a repetition loop.

    Args:
        transcript: the text and the model's figures.
        options: the thresholds.
        speech_probability: the highest probability of the VAD.
        doubted: the text must reach min_avg_logprob even if speech is certain."""
    min_logprob = options.hopeless_logprob
    if doubted or transcript.no_speech_prob > options.max_no_speech_prob:
        min_logprob = options.min_avg_logprob
    if speech_probability < options.sure_speech:
        min_logprob = max(min_logprob, options.noise_logprob)
    unlikely = transcript.avg_logprob < min_logprob or transcript.no_speech_prob > options.sure_silence
    return not transcript.text or unlikely or compression_ratio(transcript.text) > options.max_compression


def compression_ratio(text: str) -> float:
    """Returns the bytes of the text divided by the bytes of its zlib form; ordinary text is below 2."""
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0
