"""Screening: drops hallucinations, which Whisper produces for audio without speech.

Most of them are found by the model's own figures (Radford et al. 2022, §4.5): a high no-speech probability together
with unlikely tokens, and repeated text that was not spoken. base-adaptive was trained to detect silence, so that
a very high no-speech probability is enough (docs/base-adaptive.md). The VAD finds the others: animals, instruments and
noise open the gate, but in no window is its speech probability high. docs/benchmarks.md gives the cost of each
threshold."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import BaseModel, Field

from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.reading import MAX_HALVINGS, Reading, ReadingRules, SpeechEngine, join, read, transcribe
from qal.engine.repetition import MAX_COMPRESSION_RATIO, compression_ratio


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
    max_halvings: int = Field(
        default=MAX_HALVINGS, ge=0, le=6, description="how often speech whose text fills the token limit is halved"
    )

    @property
    def reading_rules(self) -> ReadingRules:
        return ReadingRules(
            self.max_compression,
            self.sure_silence,
            self.min_avg_logprob,
            self.sure_speech,
            self.max_halvings,
        )


def transcribe_screened(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, options: ScreeningOptions
) -> list[Transcript | None]:
    """Transcribes utterances; the result is None where there is no text or it is a hallucination."""
    parts = read_screened(engine, utterances, decoding, options)
    return [join(of_utterance) if of_utterance else None for of_utterance in parts]


def read_screened(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions, options: ScreeningOptions
) -> list[list[Reading]]:
    """Reads utterances as qal.engine.reading says; returns the parts of each that have a plausible text, in order.

    Each part that was read alone is screened alone. Certain speech whose text was dropped is decoded again at
    `options.temperatures`. The new text must reach min_avg_logprob."""
    parts = read(engine, utterances, decoding, options.reading_rules)
    kept = _screened(engine, [reading for of_utterance in parts for reading in of_utterance], decoding, options)
    kept_parts, first = [], 0
    for of_utterance in parts:
        end = first + len(of_utterance)
        kept_parts.append([reading for reading in kept[first:end] if reading])
        first = end
    return kept_parts


def _screened(
    engine: SpeechEngine, readings: Sequence[Reading], decoding: DecodingOptions, options: ScreeningOptions
) -> list[Reading | None]:
    """Returns the readings with a plausible text, some of them decoded again; None for the others."""
    results = [None if is_hallucination(reading, options) else reading for reading in readings]
    for temperature in options.temperatures if not decoding.phrases else ():
        retried = [i for i, r in enumerate(readings) if not results[i] and is_drawn_again(r, options)]
        sampling = decoding.without_prompt(temperature=temperature)
        utterances = [replace(readings[i].utterance, previous_text="") for i in retried]
        for i, transcript in zip(retried, transcribe(engine, utterances, sampling), strict=True):
            drawn = replace(readings[i], transcript=transcript, is_doubted=True)
            results[i] = None if is_hallucination(drawn, options) else drawn
    return results


def is_drawn_again(reading: Reading, options: ScreeningOptions) -> bool:
    """True if both the VAD and the model are certain that there is speech, and its text has had no second chance."""
    transcript = reading.transcript
    certain = reading.utterance.speech_probability >= options.sure_speech
    has_speech = certain and transcript.no_speech_prob <= options.max_no_speech_prob
    return bool(transcript.text) and has_speech and not reading.is_doubted


def transcribe_without_loops(
    engine: SpeechEngine, utterances: Sequence[Utterance], decoding: DecodingOptions = GREEDY
) -> list[Transcript]:
    """Transcribes utterances as qal.engine.reading says, and drops nothing."""
    return [join(parts) for parts in read(engine, utterances, decoding, ReadingRules())]


def is_hallucination(reading: Reading, options: ScreeningOptions) -> bool:
    """True if the text is empty, too unlikely, or an invented repetition.

    Text of a second chance must reach min_avg_logprob even if speech is certain."""
    transcript = reading.transcript
    min_logprob = options.hopeless_logprob
    if reading.is_doubted or transcript.no_speech_prob > options.max_no_speech_prob:
        min_logprob = options.min_avg_logprob
    if reading.utterance.speech_probability < options.sure_speech:
        min_logprob = max(min_logprob, options.noise_logprob)
    unlikely = transcript.avg_logprob < min_logprob or transcript.no_speech_prob > options.sure_silence
    is_loop = compression_ratio(transcript.text) > options.max_compression and not reading.is_spoken_repetition
    return not transcript.text or unlikely or is_loop
