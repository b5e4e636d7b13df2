"""Turns speech probabilities into regions of speech, as a stream.

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
    """Thresholds and durations that decide where regions of speech start and end."""

    start_threshold: float = Field(default=0.5, ge=0, le=1, description="speech starts at this speech probability")
    end_threshold: float = Field(default=0.35, ge=0, le=1, description="silence starts below this speech probability")
    pre_roll_ms: int = Field(default=320, ge=0, le=2000, description="audio added before speech")
    post_roll_ms: int = Field(default=32, ge=0, le=2000, description="audio added after speech")
    min_speech_ms: int = Field(default=96, ge=0, le=5000, description="ignore speech shorter than this")
    hang_over_ms: int = Field(default=400, ge=32, le=5000, description="silence that ends a segment")
    adaptive_wait: bool = Field(
        default=True, description="shorter silence after a complete sentence, longer after an unfinished one"
    )
    max_segment_s: float = Field(default=20.0, ge=2, lt=29, description="split longer segments")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.end_threshold > self.start_threshold:
            raise ValueError(f"end_threshold {self.end_threshold} is above start_threshold {self.start_threshold}")
        if self.post_roll_ms > self.hang_over_ms:
            raise ValueError(f"post_roll_ms {self.post_roll_ms} is above hang_over_ms {self.hang_over_ms}")
        if self.pre_roll_ms + 2 * self.min_speech_ms > 500 * self.max_segment_s:
            raise ValueError(f"max_segment_s {self.max_segment_s} is too short for pre_roll_ms and min_speech_ms")
        return self


DEFAULT_GATE = GateOptions()


@dataclass(frozen=True)
class Region:
    """A region of speech, in VAD windows from the start of the stream; ends are exclusive."""

    index: int  # number of the gate's opening, counting openings that were too short to become a region
    start: int  # with the pre-roll
    speech_start: int
    speech_end: int
    end: int  # with the post-roll
    peak_probability: float  # highest speech probability in the region

    @property
    def speech_windows(self) -> int:
        return self.speech_end - self.speech_start


class Gate:
    """Finds regions of speech with hysteresis, pre-roll, hang-over and forced cuts. Regions never overlap."""

    def __init__(self, options: GateOptions):
        self._options = options
        self._pre_roll = ms_to_windows(options.pre_roll_ms)
        self._post_roll = ms_to_windows(options.post_roll_ms)
        self.min_speech_windows = max(1, ms_to_windows(options.min_speech_ms))
        self._hang_over = ms_to_windows(options.hang_over_ms)
        self._wait = self._hang_over  # of the present silence
        self._max_windows = int(1000 * options.max_segment_s) // VAD_WINDOW_MS
        self._now = 0  # windows fed
        self._index = -1
        self._previous_end = 0
        self._probabilities: list[float] = []  # since the start of speech in the open region
        self.open_region: Region | None = None  # the unfinished region up to the last window

    @property
    def first_needed_window(self) -> int:
        """The first window that a later region can include."""
        if self.open_region:
            return self.open_region.start
        return max(self._previous_end, self._now - self._pre_roll)

    @property
    def silence_windows(self) -> int:
        """Windows of silence since the last speech of the open region; 0 if none is open."""
        return self._now - self.open_region.speech_end if self.open_region else 0

    @property
    def closing_region(self) -> Region | None:
        """The open region with its post-roll, once the silence covers it; it will end so if the silence lasts."""
        region = self.open_region
        if not region:
            return None
        silence = self.silence_windows
        if not silence or silence < self._post_roll or region.speech_windows < self.min_speech_windows:
            return None
        return replace(region, end=region.speech_end + self._post_roll)

    def set_wait(self, milliseconds: float) -> list[Region]:
        """Changes the wait of the present silence, until speech resumes; returns the region that ends by it."""
        region = self.open_region
        if not region or not self.silence_windows:
            return []
        self._wait = ms_to_windows(milliseconds)
        ended = self._close(region.speech_end + self._post_roll) if self._is_over(region) else None
        return [ended] if ended else []

    def feed(self, probabilities: Iterable[float]) -> list[Region]:
        """Returns the regions that end in these windows."""
        ended = (self._step(float(p)) for p in probabilities)
        return [region for region in ended if region]

    def flush(self) -> list[Region]:
        """Ends the stream and returns the region that was open. Nothing may be fed after it."""
        region = self._close(self._now) if self.open_region else None
        return [region] if region else []

    def _step(self, probability: float) -> Region | None:
        now, self._now = self._now, self._now + 1
        if not self.open_region:
            if probability >= self._options.start_threshold:
                start = max(self._previous_end, now - self._pre_roll)
                self._open(start, now, self._now, [probability])
            return None
        return self._extend(self.open_region, probability)

    def _extend(self, region: Region, probability: float) -> Region | None:
        """Adds a window to the open region. Returns the region if it ends, by silence or by a forced cut."""
        self._probabilities.append(probability)
        is_speech = probability >= self._options.end_threshold
        speech_end = self._now if is_speech else region.speech_end
        if is_speech:
            self._wait = self._hang_over
        peak = max(region.peak_probability, probability)
        self.open_region = replace(region, end=self._now, speech_end=speech_end, peak_probability=peak)
        if self._is_over(self.open_region):
            return self._close(speech_end + self._post_roll)
        if self._now - region.start >= self._max_windows:
            return self._cut(self.open_region)
        return None

    def _is_over(self, region: Region) -> bool:
        return self._now - region.speech_end >= self._wait

    def _open(self, start: int, speech_start: int, speech_end: int, probabilities: list[float]) -> None:
        self._index += 1
        self._wait = self._hang_over
        self._probabilities = probabilities
        self.open_region = Region(self._index, start, speech_start, speech_end, self._now, max(probabilities))

    def _close(self, end: int) -> Region | None:
        """Ends the open region. Returns None if it has too little speech."""
        assert self.open_region
        region = replace(self.open_region, end=min(end, self._now))
        self._previous_end = region.end
        self._probabilities = []
        self.open_region = None
        return region if region.speech_windows >= self.min_speech_windows else None

    def _cut(self, region: Region) -> Region | None:
        """Ends the open region at the quietest window of its second half, where the next region starts."""
        probabilities = self._probabilities
        half = max(1, (region.start + self._now) // 2 - region.speech_start)  # keeps at least one window before
        quietest = half + min(range(len(probabilities) - half), key=lambda i: probabilities[half + i])
        cut = region.speech_start + quietest
        if region.speech_end <= cut:
            return self._close(region.speech_end + self._post_roll)
        self.open_region = replace(region, speech_end=cut, peak_probability=max(probabilities[:quietest]))
        closed = self._close(cut)
        self._open(cut, cut, region.speech_end, probabilities[quietest:])
        return closed


def ms_to_windows(milliseconds: float) -> int:
    """Converts a duration to VAD windows, rounded to the nearest."""
    return round(milliseconds / VAD_WINDOW_MS)
