"""Scripted stand-ins for models: everything around the model can be tested with them in no time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qal.audio.samples import Samples
from qal.audio.vad import VAD_WINDOW, Probabilities
from qal.engine.cache import Engines
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import FULL_CONTEXT, Transcript, Utterance
from qal.engine.model_directory import ContextAbility


def transcript(text: str, language: str = "en", avg_logprob: float = -0.2, no_speech_prob: float = 0.01) -> Transcript:
    return Transcript(text, language, (), avg_logprob, no_speech_prob, context_frames=3000)


def describe(samples: Samples) -> str:
    """A text that tells any two different stretches of sound apart."""
    return f"{len(samples)} samples, {float(np.sum(samples.astype(np.float64))):.4f}"


@dataclass
class ScriptedEngine:
    """Answers with the script's transcripts in order, then with a description of what it heard."""

    script: list[Transcript] = field(default_factory=list)
    detects: str = "en"
    heard: list[Utterance] = field(default_factory=list)
    asked: list[DecodingOptions] = field(default_factory=list)
    ability: ContextAbility = FULL_CONTEXT

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        return [self._answer(utterance, options) for utterance in utterances]

    def _answer(self, utterance: Utterance, options: DecodingOptions) -> Transcript:
        self.heard.append(utterance)
        self.asked.append(options)
        if self.script:
            return self.script.pop(0)
        return transcript(describe(utterance.samples), utterance.language or self.detects)


def scripted_engines() -> Engines:
    """Whose weights cost nothing to load."""
    load: Any = lambda directory, context: ScriptedEngine()  # noqa: E731
    return Engines(load)


class ScriptedVad:
    """Gives the script's probabilities, one a window; silence when they are used up."""

    def __init__(self, probabilities: Sequence[float]):
        self._script = list(probabilities)
        self._samples = 0

    def feed(self, samples: Samples) -> Probabilities:
        before = self._samples // VAD_WINDOW
        self._samples += len(samples)
        after = self._samples // VAD_WINDOW
        return np.array([*self._script, *[0.0] * after][before:after], np.float32)


def windows(*runs: tuple[int, float]) -> list[float]:
    """(2, .9), (1, 0) -> [.9, .9, 0]"""
    return [probability for count, probability in runs for _ in range(count)]


def noise(n: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)
