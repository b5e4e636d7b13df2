"""Scripted replacements of models, to test the code around a model without weights."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qal.audio.samples import Samples
from qal.audio.vad import VAD_WINDOW, Probabilities
from qal.engine.cache import EngineCache
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import FULL_CONTEXT, Transcript, Utterance
from qal.engine.model_directory import ContextAbility


def transcript(text: str, language: str = "en", avg_logprob: float = -0.2, no_speech_prob: float = 0.01) -> Transcript:
    """A transcript without words."""
    return Transcript(text, language, (), avg_logprob, no_speech_prob, context_frames=3000)


def describe(samples: Samples) -> str:
    """A text that differs for different samples."""
    return f"{len(samples)} samples, {float(np.sum(samples.astype(np.float64))):.4f}"


@dataclass
class ScriptedEngine:
    """Returns the script's transcripts in order, then descriptions of the samples. Records its calls."""

    script: list[Transcript] = field(default_factory=list)
    detected_language: str = "en"
    utterances: list[Utterance] = field(default_factory=list)
    decoding_options: list[DecodingOptions] = field(default_factory=list)
    ability: ContextAbility = FULL_CONTEXT
    workers: int = 1

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._transcribe_one(utterance, options) for utterance in utterances]

    def _transcribe_one(self, utterance: Utterance, options: DecodingOptions) -> Transcript:
        self.utterances.append(utterance)
        self.decoding_options.append(options)
        if self.script:
            return self.script.pop(0)
        return transcript(describe(utterance.samples), utterance.language or self.detected_language)


@dataclass
class ListeningEngine(ScriptedEngine):
    """Detects the languages that are spoken, in the order of the utterances, where the utterance names none."""

    spoken: list[str] = field(default_factory=list)
    probability: float = 0.85  # of the spoken language; all others are unlikely

    def _transcribe_one(self, utterance: Utterance, options: DecodingOptions) -> Transcript:
        self.utterances.append(utterance)
        if utterance.language:
            return transcript(f"words in {utterance.language}", utterance.language)
        detected = utterance.detection.decide(((self.spoken.pop(0), self.probability), ("zu", 0.1)))
        return replace(
            transcript(f"words in {detected.language}", detected.language),
            other_language=detected.other,
            language_probability=detected.probability,
        )


def scripted_engine_cache() -> EngineCache:
    """A cache that loads a scripted engine for every model directory."""
    load: Any = lambda directory, context: ScriptedEngine()  # noqa: E731
    return EngineCache(load)


class ScriptedVad:
    """Returns the script's probabilities, one per window, then silence."""

    def __init__(self, probabilities: Sequence[float]):
        self._script = list(probabilities)
        self._samples = 0

    def feed(self, samples: Samples) -> Probabilities:
        first = self._samples // VAD_WINDOW
        self._samples += len(samples)
        end = self._samples // VAD_WINDOW
        return np.array([*self._script, *[0.0] * end][first:end], np.float32)


def vad_probabilities(*runs: tuple[int, float]) -> list[float]:
    """Repeats probabilities: (2, 0.9), (1, 0) -> [0.9, 0.9, 0]."""
    return [probability for count, probability in runs for _ in range(count)]


def noise(n: int, seed: int = 0) -> Samples:
    """n samples of white noise with a standard deviation of 0.1."""
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)
