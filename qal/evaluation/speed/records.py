"""How fast a model is: the configurations that are measured, and the figures of each."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, Field, FiniteFloat

from qal.engine.decoding import DecodingOptions
from qal.engine.engine import ContextChoice
from qal.engine.model_directory import ContextAbility
from qal.engine.settings.device import Device

Way = Literal["one by one", "batched", "parallel"]
REAL_TIME = 1.0  # seconds of computation per second of audio


class Configuration(BaseModel, frozen=True):
    """A model and how it is run."""

    model: str = Field(description="as it was asked for: a name, a run or a directory")
    context: ContextChoice = "auto"
    device: Device = "auto"
    compute_type: str = "auto"
    beam_size: int = Field(default=1, ge=1, le=16)
    threads: int = Field(default=0, ge=0, description="of one call; 0: all cores")
    batch_size: int = Field(default=1, ge=1, description="clips that are decoded in one call")
    workers: int = Field(default=1, ge=1, description="calls at the same time")

    @property
    def way(self) -> Way:
        if self.workers > 1:
            return "parallel"
        return "batched" if self.batch_size > 1 else "one by one"

    @property
    def decoding(self) -> DecodingOptions:
        return DecodingOptions(beam_size=self.beam_size)

    @property
    def name(self) -> str:
        """The settings that differ from the simplest ones, such as "base int8, beam 5, batches of 16"."""
        parts = [f"{self.model} {self.compute_type}"]
        parts += ["30 s"] if self.context == "full" else []
        parts += [f"beam {self.beam_size}"] if self.beam_size > 1 else []
        parts += [f"threads {self.threads}"] if self.threads else []
        parts += [f"batches of {self.batch_size}"] if self.batch_size > 1 else []
        parts += [f"{self.workers} at once"] if self.workers > 1 else []
        return ", ".join(parts)


class DurationFigures(BaseModel, frozen=True):
    """Calls with clips of one duration. A percentile is null if there were too few calls for it."""

    duration_s: FiniteFloat
    calls: int
    clips: int  # in all calls
    wall_s: FiniteFloat  # of all calls, those at the same time counted once
    p50_s: FiniteFloat  # from the call to the texts
    p95_s: FiniteFloat | None
    p99_s: FiniteFloat | None
    max_s: FiniteFloat

    @property
    def audio_s(self) -> float:
        return self.clips * self.duration_s

    @property
    def rtf(self) -> float:
        """Seconds of computation per second of audio."""
        return self.wall_s / self.audio_s


class Measurement(BaseModel, frozen=True):
    """The figures of one configuration, measured in a process of its own."""

    configuration: Configuration
    ability: ContextAbility = Field(default=ContextAbility(), description="contexts that were encoded")
    load_s: FiniteFloat = 0.0
    first_s: FiniteFloat = Field(default=0.0, description="first call, which is not counted below")
    process_mb: FiniteFloat = Field(default=0.0, description="memory of Python and the libraries before the load")
    peak_mb: FiniteFloat = Field(default=0.0, description="peak memory of the process, in main memory")
    durations: list[DurationFigures] = []
    problem: str = Field(default="", description="why it could not be measured, in a sentence")

    @property
    def audio_s(self) -> float:
        return sum(row.audio_s for row in self.durations)

    @property
    def wall_s(self) -> float:
        return sum(row.wall_s for row in self.durations)

    @property
    def rtf(self) -> float | None:
        return self.wall_s / self.audio_s if self.durations else None

    @property
    def minutes_per_minute(self) -> float:
        """Minutes of audio that are transcribed in a minute; 0 if it could not be measured."""
        return self.audio_s / self.wall_s if self.wall_s else 0.0


class Stretch(BaseModel, frozen=True):
    """A stretch of a long file that was decoded as one utterance, and what it took."""

    start_s: FiniteFloat  # in the file
    end_s: FiniteFloat
    began_s: FiniteFloat  # of its first decoding, since the start of the transcription
    ended_s: FiniteFloat  # of its last decoding
    seconds: FiniteFloat  # of computation; its share of the batches that it was in, by duration
    calls: int  # decodings of it or of a part of it; above 1: language detection, a doubtful text, or repetitions

    @property
    def rtf(self) -> float:
        return self.seconds / (self.end_s - self.start_s)


class Timeline(BaseModel, frozen=True):
    """The transcription of a long file, stretch by stretch."""

    model: str
    file: str
    duration_s: FiniteFloat
    wall_s: FiniteFloat
    search_s: FiniteFloat  # of speech, before the first decoding
    stretches: list[Stretch]


class SpeedReport(BaseModel, frozen=True):
    """The speed of models on one machine."""

    sound: str = Field(description="where the clips are from")
    clips: int = Field(description="clips of each duration")
    hardware: dict[str, str | int | float | None]
    versions: dict[str, str] = {}
    measurements: list[Measurement]
    timelines: list[Timeline] = []


def percentile(values: Sequence[float], share: float) -> float | None:
    """Returns the value that a share of the values does not exceed; None if there are too few values to tell.

    The 95th percentile needs 20 values, the 99th 100: with fewer it would be the maximum under another name."""
    needed = math.ceil(round(1 / (1 - share), 6))
    return float(np.percentile(values, 100 * share)) if len(values) >= needed else None
