"""Counts the words that a model invents on sounds without words.

The model gets the sounds itself: in the product the VAD keeps most of them from it, so that a count behind the VAD
hardly ever rises. A second count is taken behind the screening, on the sounds that open the gate."""

from collections.abc import Sequence
from typing import NamedTuple

from qal.audio.gate import GateOptions
from qal.audio.samples import Samples
from qal.audio.vad import VadStream
from qal.corpus.words import count_words
from qal.engine.decoding import GREEDY
from qal.engine.engine import Utterance
from qal.engine.screening import ScreeningOptions, SpeechEngine, transcribe_screened

DECODING = GREEDY.model_copy(update={"max_tokens": 32})  # a sentence; a repetition loop shows itself earlier
SCREENING = ScreeningOptions(temperatures=(), max_halvings=0)  # without retries, whose texts are drawn at random
GATE_THRESHOLD = GateOptions().start_threshold


class InventedWords(NamedTuple):
    """Number of words that a model writes: on all sounds, and after the screening on those that open the gate."""

    direct: int
    screened: int


def count_invented_words(engine: SpeechEngine, sounds: Sequence[Samples]) -> InventedWords:
    """Counts the words that the model writes on the sounds, as they are scored: punctuation alone is no word."""
    direct = screened = 0
    for sound in sounds:
        utterance = Utterance(sound, speech_probability=speech_probability(sound))
        (transcript,) = engine.transcribe([utterance], DECODING)
        direct += count_words(transcript.text, transcript.language)
        if transcript.text and utterance.speech_probability >= GATE_THRESHOLD:
            (kept,) = transcribe_screened(engine, [utterance], DECODING, SCREENING)
            screened += count_words(kept.text, kept.language) if kept else 0
    return InventedWords(direct, screened)


def count_direct_words(engine: SpeechEngine, sounds: Sequence[Samples]) -> int:
    """Counts the words that the model writes on the sounds, without the second count behind the screening."""
    found = [engine.transcribe([Utterance(sound)], DECODING)[0] for sound in sounds]
    return sum(count_words(transcript.text, transcript.language) for transcript in found)


def speech_probability(sound: Samples) -> float:
    """Returns the VAD's highest probability of speech."""
    return max((float(probability) for probability in VadStream().feed(sound)), default=0.0)
