"""The gate: speech probabilities -> regions of speech, as they happen.

probability  ▁▁▁▁▁▁▁▁▇█▇▅▇█▇▇▆▁▁▁▁▁▁▁▁▁▁▁
speech               ├───────┤
region           ├──────────────┤             with pre_roll and post_roll
gate open            ├──────────────┤         until silence lasts hang_over
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from pydantic import BaseModel, Field, model_validator

from qal.audio.vad import VAD_WINDOW_MS


class GateOptions(BaseModel, frozen=True, extra="forbid"):
    start_threshold: float = Field(default=0.5, ge=0, le=1, description="speech probability that opens the gate")
    end_threshold: float = Field(default=0.35, ge=0, le=1, description="speech probability below which silence begins")
    pre_roll_ms: int = Field(default=320, ge=0, le=2000, description="sound kept before the first speech")
    post_roll_ms: int = Field(default=192, ge=0, le=2000, description="sound kept after the last speech")
    min_speech_ms: int = Field(default=96, ge=0, le=5000, description="shorter speech is taken for a noise")
    hang_over_ms: int = Field(default=400, ge=32, le=5000, description="silence that closes the gate")
    max_segment_s: float = Field(default=20.0, ge=2, lt=29, description="longer speech is cut at its quietest window")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.end_threshold > self.start_threshold:
            raise ValueError(f"end_threshold {self.end_threshold} is above start_threshold {self.start_threshold}")
        if self.post_roll_ms > self.hang_over_ms:
            raise ValueError(f"post_roll_ms {self.post_roll_ms} is above hang_over_ms {self.hang_over_ms}")
        if self.pre_roll_ms + 2 * self.min_speech_ms > 500 * self.max_segment_s:
            raise ValueError(f"max_segment_s {self.max_segment_s} leaves no room for pre_roll_ms and min_speech_ms")
        return self


DEFAULT_GATE = GateOptions()


@dataclass(frozen=True)
class Region:
    """Speech, counted in VAD windows from the beginning of the stream; ends are exclusive.

    `index` counts the openings of the gate, also those that turned out to be a noise."""

    index: int
    start: int
    speech_start: int
    speech_end: int
    end: int
    peak: float  # the highest speech probability in it

    @property
    def speech_windows(self) -> int:
        return self.speech_end - self.speech_start


class Gate:
    """Hysteresis, pre-roll, hang-over and forced cuts; regions never overlap."""

    def __init__(self, options: GateOptions):
        self._options = options
        self._pre_roll = to_windows(options.pre_roll_ms)
        self._post_roll = to_windows(options.post_roll_ms)
        self._min_speech = to_windows(options.min_speech_ms)
        self._hang_over = to_windows(options.hang_over_ms)
        self._max_windows = int(1000 * options.max_segment_s) // VAD_WINDOW_MS
        self._now = 0  # windows seen
        self._index = -1
        self._previous_end = 0
        self._heard: list[float] = []  # probabilities since the open region's start of speech
        self.open: Region | None = None  # what is known so far of the region that is not closed yet

    @property
    def needed_from(self) -> int:
        """The first window that a later region can still hold."""
        return self.open.start if self.open else max(self._previous_end, self._now - self._pre_roll)

    @property
    def closing(self) -> Region | None:
        """The open region as it will end if the silence lasts, once its post-roll is there."""
        region = self.open
        silent = self._now - region.speech_end if region else 0
        if not region or not silent or silent < self._post_roll or region.speech_windows < max(1, self._min_speech):
            return None
        return replace(region, end=region.speech_end + self._post_roll)

    def feed(self, probabilities: Iterable[float]) -> list[Region]:
        """The regions that these windows ended."""
        ended = (self._step(float(p)) for p in probabilities)
        return [region for region in ended if region]

    def flush(self) -> list[Region]:
        """The region that the end of the stream ends. Nothing may be fed after it."""
        region = self._close(self._now) if self.open else None
        return [region] if region else []

    def _step(self, probability: float) -> Region | None:
        now, self._now = self._now, self._now + 1
        if not self.open:
            if probability >= self._options.start_threshold:
                start = max(self._previous_end, now - self._pre_roll)
                self._open_at(start, now, self._now, [probability])
            return None
        self._heard.append(probability)
        is_speech = probability >= self._options.end_threshold
        speech_end = self._now if is_speech else self.open.speech_end
        self.open = replace(self.open, end=self._now, speech_end=speech_end, peak=max(self.open.peak, probability))
        if self._now - self.open.speech_end >= self._hang_over:
            return self._close(self.open.speech_end + self._post_roll)
        if self._now - self.open.start >= self._max_windows:
            return self._cut()
        return None

    def _open_at(self, start: int, speech_start: int, speech_end: int, heard: list[float]) -> None:
        self._index += 1
        self._heard = heard
        self.open = Region(self._index, start, speech_start, speech_end, self._now, max(heard))

    def _close(self, end: int) -> Region | None:
        """None when there was too little speech in it."""
        assert self.open
        region = replace(self.open, end=min(end, self._now))
        self._previous_end, self._heard, self.open = region.end, [], None
        return region if region.speech_windows >= max(1, self._min_speech) else None

    def _cut(self) -> Region | None:
        """Ends the open region at its quietest window of the second half; the next one begins there."""
        assert self.open
        whole, heard = self.open, self._heard
        half = max(1, (whole.start + self._now) // 2 - whole.speech_start)  # the first window is never cut off
        quietest = half + min(range(len(heard) - half), key=lambda i: heard[half + i])
        at = whole.speech_start + quietest
        if whole.speech_end <= at:
            return self._close(whole.speech_end + self._post_roll)
        self.open = replace(whole, speech_end=at, peak=max(heard[:quietest]))
        region = self._close(at)
        self._open_at(at, at, whole.speech_end, heard[quietest:])
        return region


def to_windows(milliseconds: float) -> int:
    """Rounded to the nearest whole window."""
    return round(milliseconds / VAD_WINDOW_MS)
