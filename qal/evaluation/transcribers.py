"""Where the transcripts of an evaluation come from: an engine, or anything else with a transcript for each example.

A server with OpenAI's interface and files of transcripts are in qal/evaluation/systems."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from qal.audio.samples import Samples
from qal.corpus.manifest import Row
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Engine, Utterance
from qal.engine.screening import transcribe_without_loops

Settings = Mapping[str, str | int | float | bool | None]


class Heard(NamedTuple):
    """The transcript of one example."""

    text: str
    seconds: float | None  # of computation; None: not measured here


class RowTranscriber(Protocol):
    """Gives the transcript of each example."""

    @property
    def settings(self) -> Settings:
        """All that changes the texts, to be recorded beside the scores."""
        ...

    def transcribe(self, row: Row, samples: Samples, language: str) -> Heard:
        """Returns the transcript of one example, (n,) at 16 kHz.

        Raises EvaluationError if there is none for this example, which is then left out."""
        ...


@dataclass(frozen=True)
class EngineTranscriber:
    """An engine of this machine. Repetition loops are decoded again, and that time counts."""

    engine: Engine
    decoding: DecodingOptions = GREEDY

    @property
    def settings(self) -> Settings:
        ability = self.engine.ability
        margins = {"margin_s": ability.margin_s, "min_s": ability.min_s} if ability.adaptive else {}
        chosen = {"beam_size": self.decoding.beam_size, **self.decoding.model_dump(exclude_defaults=True)}
        return {
            "context": "adaptive" if ability.adaptive else "30 s",
            **margins,
            "device": self.engine.device,
            "compute_type": self.engine.compute_type,
            **chosen,
        }

    def transcribe(self, row: Row, samples: Samples, language: str) -> Heard:
        began = time.perf_counter()
        text = transcribe_without_loops(self.engine, [Utterance(samples, language)], self.decoding)[0].text
        return Heard(text, time.perf_counter() - began)
