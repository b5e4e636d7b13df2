"""Calls of an engine at several contexts, each computed and timed once.

A short utterance is encoded with the same frames at many settings of margin and minimum, and gives the same text in
the same time. Such calls are not repeated, which leaves about half of the work."""

import hashlib
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self

from qal.engine.context import context_frames
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.model_directory import ContextAbility
from qal.engine.reading import SpeechEngine


class ContextEngine(SpeechEngine, Protocol):
    """A model that can encode other contexts than those of its qal.json."""

    @property
    def ability(self) -> ContextAbility: ...
    def with_context(self, ability: ContextAbility) -> Self: ...


class MeasuredCall(NamedTuple):
    """The result of a call and the time that it took."""

    transcripts: list[Transcript]
    seconds: float


KnownCalls = dict[Hashable, MeasuredCall]


@dataclass
class MeasuredEngine:
    """Transcribes at one context; a call whose result is known from another context is not repeated.

    `seconds` adds up what the calls took when they were computed."""

    engine: SpeechEngine
    ability: ContextAbility
    known: KnownCalls
    seconds: float = field(default=0.0, init=False)

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        key = (options, tuple(utterance_key(u, self.ability) for u in utterances))
        if key not in self.known:
            began = time.perf_counter()
            transcripts = self.engine.transcribe(utterances, options)
            self.known[key] = MeasuredCall(transcripts, time.perf_counter() - began)
        call = self.known[key]
        self.seconds += call.seconds
        return list(call.transcripts)


def utterance_key(utterance: Utterance, ability: ContextAbility) -> Hashable:
    """Returns all that decides the transcript of an utterance."""
    return (
        hashlib.blake2b(utterance.samples.tobytes(), digest_size=16).digest(),
        context_frames(len(utterance.samples), ability),
        utterance.language,
        utterance.task,
        utterance.previous_text,
        utterance.detection,
    )
