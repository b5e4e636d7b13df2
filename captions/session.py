"""One speaker's live captions: samples in, captions out; no clock, no socket, no disk."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydantic import BaseModel, Field

from audio.gate import DEFAULT_GATE, GateOptions
from audio.samples import SAMPLE_RATE, Samples
from audio.vad import VAD_WINDOW, Probabilities, VadStream
from captions.segmenter import Segmenter, SpeechSegment
from engine.decoding import GREEDY, DecodingOptions
from engine.engine import Transcript, Utterance
from engine.screening import ScreeningOptions, SpeechEngine, screened


class SessionOptions(BaseModel, frozen=True, extra="forbid"):
    tentative_every_s: float = Field(
        default=1.0, ge=0, le=28, description="new speech that renews tentative text; 0: never"
    )
    language_s: float = Field(default=1.0, ge=0, le=28, description="speech from which on a detected language is held")
    decoding: DecodingOptions = Field(default=GREEDY, description="how text is read out of the sound")
    screening: ScreeningOptions = Field(default=ScreeningOptions(), description="what counts as invented text")


DEFAULT_SESSION = SessionOptions()


@dataclass(frozen=True)
class Caption:
    """The text of one segment, timed from the beginning of the stream.

    A caption replaces an earlier one of the same index. A final one with no text takes a tentative
    one back; indices rise, and some are left out."""

    index: int
    start_s: float
    end_s: float
    text: str
    final: bool


@dataclass(frozen=True)
class Level:
    """What the microphone's meter shows: the last VAD window."""

    rms: float
    speech_probability: float
    gate_open: bool


class VoiceActivity(Protocol):
    """What tells speech from silence; audio.vad.VadStream is one."""

    def feed(self, samples: Samples) -> Probabilities: ...


class CaptionSession:
    """`language` None: detected on the first segment that is long enough, and then held.

    The size of the chunks never changes the final captions."""

    def __init__(
        self,
        engine: SpeechEngine,
        language: str | None = None,
        gate: GateOptions = DEFAULT_GATE,
        options: SessionOptions = DEFAULT_SESSION,
        vad: VoiceActivity | None = None,
    ):
        self.language = language
        self._engine = engine
        self._options = options
        self._vad = vad or VadStream()
        self._segmenter = Segmenter(gate)
        self._shown_index = -1  # the segment whose tentative text was last shown,
        self._tried_index, self._tried_samples = -1, 0  # and how much of which speech was last tried
        self._last_window = np.zeros(VAD_WINDOW, np.float32)
        self._last_probability = 0.0

    @property
    def level(self) -> Level:
        rms = float(np.sqrt(np.mean(np.square(self._last_window))))
        return Level(rms, self._last_probability, self._segmenter.is_open)

    def feed(self, samples: Samples) -> list[Caption]:
        """The captions that these samples changed: finals in order, then at most one tentative."""
        probabilities = self._vad.feed(samples)
        self._last_window = np.concatenate([self._last_window, samples])[-VAD_WINDOW:]
        if len(probabilities):
            self._last_probability = float(probabilities[-1])
        return self._finals(self._segmenter.feed(samples, probabilities)) + self._tentative()

    def flush(self) -> list[Caption]:
        """The final captions that the end of the stream brings. Nothing may be fed after it."""
        return self._finals(self._segmenter.flush())

    def _finals(self, segments: list[SpeechSegment]) -> list[Caption]:
        captions = (self._final(segment) for segment in segments)
        return [caption for caption in captions if caption]

    def _final(self, segment: SpeechSegment) -> Caption | None:
        """None when there is nothing to say and nothing to take back."""
        transcript = self._transcribed(segment)
        if transcript:
            if self.language is None and segment.end_s - segment.start_s >= self._options.language_s:
                self.language = transcript.language
            return _caption(segment, transcript.text, final=True)
        return _caption(segment, "", final=True) if segment.index == self._shown_index else None

    def _tentative(self) -> list[Caption]:
        speech = self._segmenter.open_speech_samples()
        if not speech or not self._options.tentative_every_s:
            return []
        index, heard = speech
        tried = self._tried_samples if index == self._tried_index else 0
        if heard - tried < self._options.tentative_every_s * SAMPLE_RATE:
            return []
        self._tried_index, self._tried_samples = index, heard
        segment = self._segmenter.open_segment()
        transcript = self._transcribed(segment) if segment else None
        if not segment or not transcript:
            return []
        self._shown_index = index
        return [_caption(segment, transcript.text, final=False)]

    def _transcribed(self, segment: SpeechSegment) -> Transcript | None:
        """Alone, not in a batch: batch mates would change the context, and so the text."""
        utterance = Utterance(segment.samples, self.language)
        return screened(self._engine, [utterance], self._options.decoding, self._options.screening)[0]


def _caption(segment: SpeechSegment, text: str, final: bool) -> Caption:
    return Caption(segment.index, segment.start_s, segment.end_s, text, final)
