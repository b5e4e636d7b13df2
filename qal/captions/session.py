"""One speaker's live captions: samples in, requests for readings out; answers in, captions out.

No clock, no thread, no socket, no disk: whoever drives it decides when a request is read (qal.captions.captioner
at once, a scheduler when its turn comes).

    feed ─► VAD ─► gate ─► segment ─► Request ──► engine
                                                   │
    captions ◄─ agreement, language ◄── answer ◄───┘
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from math import inf
from typing import Literal, Protocol

import numpy as np
from pydantic import BaseModel, Field

from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, Probabilities, VadStream
from qal.captions.agreement import Agreement, has_loop
from qal.captions.fixed_chunks import Chunker, Joiner
from qal.captions.segmenter import Segmenter, SpeechSegment
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.screening import ScreeningOptions
from qal.engine.words import Word

Mode = Literal["gated", "single", "chunks"]
MAX_EXPECTED = 500  # characters


class SessionOptions(BaseModel, frozen=True, extra="forbid"):
    mode: Mode = Field(
        default="gated",
        description="gated: tentative text, and a final one at a pause; single: each line is read once, at its end; "
        "chunks: every 1.5 s of speech, whether or not there is a pause",
    )
    tentative_every_s: float = Field(
        default=0.5, ge=0, le=28, description="new speech that renews tentative text; 0: never"
    )
    speculate: bool = Field(
        default=True, description="read a segment as soon as silence begins, so that it is ready when the gate closes"
    )
    language_s: float = Field(default=1.0, ge=0, le=28, description="speech from which on a detected language is held")
    expect: str = Field(default="", max_length=MAX_EXPECTED, description="names and terms that may be said")
    previous_text: bool = Field(default=False, description="tell the model what was said just before")
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
    committed: int = 0  # letters of a tentative text that no later tentative changes
    words: tuple[Word, ...] = ()  # of a final text, in seconds of the stream
    language: str | None = None  # of a final text that is what was said; a translation has none


@dataclass(frozen=True)
class Level:
    """What the microphone's meter shows: the last VAD window."""

    rms: float
    speech_probability: float
    gate_open: bool


class Kind(IntEnum):
    """Of a request; the smaller, the more urgent."""

    FINAL = 0
    SPECULATIVE = 1  # becomes the final one if the silence lasts
    TENTATIVE = 2


@dataclass(frozen=True)
class Request:
    """A segment that is to be read. Answers must come in the order of the requests."""

    kind: Kind
    segment: SpeechSegment


class VoiceActivity(Protocol):
    """What tells speech from silence; qal.audio.vad.VadStream is one."""

    def feed(self, samples: Samples) -> Probabilities: ...


class CaptionSession:
    """`language` None: detected on the first segment that is long enough, and then held.

    The size of the chunks never changes the final captions."""

    def __init__(
        self,
        language: str | None = None,
        gate: GateOptions = DEFAULT_GATE,
        options: SessionOptions = DEFAULT_SESSION,
        vad: VoiceActivity | None = None,
        task: str = "transcribe",
    ):
        self.language = language
        self._task = task
        self.options = options
        self._vad = vad or VadStream()
        self._segmenter = Chunker(gate) if options.mode == "chunks" else Segmenter(gate)
        self._joiner = Joiner() if options.mode == "chunks" else None
        self._previous_text = ""
        self._shown_index = -1  # the segment whose tentative text was last shown,
        self._tried_index, self._tried_samples = -1, 0  # and how much of which speech was last tried
        self._agreement = Agreement()
        self._agreement_index = -1
        self._speculation: SpeechSegment | None = None  # asked for,
        self._speculated: tuple[Transcript | None] | None = None  # and what came of it
        self._awaited: list[SpeechSegment] = []  # segments that ended and whose final text is not there yet
        self._last_window = np.zeros(VAD_WINDOW, np.float32)
        self._last_probability = 0.0

    @property
    def level(self) -> Level:
        rms = float(np.sqrt(np.mean(np.square(self._last_window))))
        return Level(rms, self._last_probability, self._segmenter.is_open)

    @property
    def settled_sample(self) -> int:
        """The first sample that is not yet covered by a final text or by silence that has passed."""
        return min([s.start_sample for s in self._awaited] + [self._segmenter.needed_sample])

    def feed(self, samples: Samples) -> tuple[list[Caption], list[Request]]:
        """Captions that are ready at once (a speculation came true), and what is to be read now."""
        probabilities = self._vad.feed(samples)
        self._last_window = np.concatenate([self._last_window, samples])[-VAD_WINDOW:]
        if len(probabilities):
            self._last_probability = float(probabilities[-1])
        captions, requests = self._ended(self._segmenter.feed(samples, probabilities))
        speculation = self._speculate()
        tentative = [] if speculation else self._tentative()
        return captions, [*requests, *speculation, *tentative]

    def flush(self) -> tuple[list[Caption], list[Request]]:
        """What the end of the stream makes final. Nothing may be fed after it."""
        return self._ended(self._segmenter.flush())

    def utterance(self, request: Request) -> Utterance:
        """What the engine should read; asked for when the request's turn comes: the language may be known by then."""
        segment = request.segment
        before = " ".join(filter(None, [self.options.expect, self._previous_text]))
        return Utterance(segment.samples, self.language, self._task, segment.speech_probability, before)

    def is_wanted(self, request: Request) -> bool:
        """False once the sound has gone on, so that nobody need read it."""
        if request.kind is Kind.SPECULATIVE:
            return request.segment is self._speculation or self._is_awaited(request.segment)
        speech = self._segmenter.open_speech_samples()
        return request.kind is Kind.FINAL or (speech is not None and speech[0] == request.segment.index)

    def answer(self, request: Request, transcript: Transcript | None) -> list[Caption]:
        """The captions that a reading changes; None: there was nothing to say, or it was invented."""
        segment = request.segment
        if self._is_awaited(segment):
            self._awaited = [other for other in self._awaited if other is not segment]
            return self._final(segment, transcript)
        if segment is self._speculation:
            self._speculated = (transcript,)
        return self._shown(segment, transcript)

    def _is_awaited(self, segment: SpeechSegment) -> bool:
        return any(other is segment for other in self._awaited)

    def _ended(self, segments: list[SpeechSegment]) -> tuple[list[Caption], list[Request]]:
        captions: list[Caption] = []
        requests: list[Request] = []
        for segment in segments:
            guess = self._speculation if self._speculation and same_sound(self._speculation, segment) else None
            if guess and self._speculated:
                captions += self._final(segment, self._speculated[0])
            else:
                self._awaited.append(guess or segment)
                if not guess:  # else its answer is on the way
                    requests.append(Request(Kind.FINAL, segment))
            self._speculation = self._speculated = None
        return captions, requests

    def _final(self, segment: SpeechSegment, transcript: Transcript | None) -> list[Caption]:
        """Nothing when there is nothing to say and nothing to take back."""
        if transcript:
            self._learn(segment, transcript)
        if self._joiner:
            return self._joined(self._joiner, segment, transcript)
        if transcript:
            words, language = _in_stream(transcript.words, segment), self._said_in(transcript)
            return [_caption(segment, transcript.text, final=True, words=words, language=language)]
        return [_caption(segment, "", final=True)] if segment.index == self._shown_index else []

    def _learn(self, segment: SpeechSegment, transcript: Transcript) -> None:
        """What the next segment's reading goes by; a loop is never carried along."""
        if self.language is None and segment.end_s - segment.start_s >= self.options.language_s:
            self.language = transcript.language
        if self.options.previous_text:
            self._previous_text = "" if has_loop(transcript.text) else transcript.text

    def _joined(self, joiner: Joiner, segment: SpeechSegment, transcript: Transcript | None) -> list[Caption]:
        """A chunk's words, without those that the next chunk reads again."""
        begin, end = segment.start_sample, segment.start_sample + len(segment.samples)
        held_from_s = (end - segment.shared_after) / SAMPLE_RATE if segment.shared_after else inf
        heard = _in_stream(transcript.words, segment) if transcript else ()
        words = joiner.join(heard, begin / SAMPLE_RATE, held_from_s)
        text = "".join(w.text for w in words).strip()
        if not text:
            return []
        language = self._said_in(transcript)
        return [Caption(segment.index, words[0].start_s, words[-1].end_s, text, True, 0, tuple(words), language)]

    def _said_in(self, transcript: Transcript | None) -> str | None:
        """The language of a text that is what was said; words that were held back are in the language that is held."""
        if self._task == "translate":
            return None
        return transcript.language if transcript else self.language

    def _shown(self, segment: SpeechSegment, transcript: Transcript | None) -> list[Caption]:
        """Tentative text, as long as its segment goes on."""
        speech = self._segmenter.open_speech_samples()
        if not transcript or not speech or speech[0] != segment.index:
            return []
        if self._agreement_index != segment.index:
            self._agreement, self._agreement_index = Agreement(), segment.index
        reading = self._agreement.read(transcript.text)
        self._shown_index = segment.index
        return [_caption(segment, reading.text, final=False, committed=len(reading.committed))]

    def _speculate(self) -> list[Request]:
        """The open segment as it will be when the gate closes, once its last sound is there."""
        wanted = self.options.speculate and self.options.mode == "gated"
        closing = self._segmenter.closing_segment() if wanted else None
        if not closing or (self._speculation and same_sound(self._speculation, closing)):
            return []
        self._speculation, self._speculated = closing, None
        return [Request(Kind.SPECULATIVE, closing)]

    def _tentative(self) -> list[Request]:
        speech = self._segmenter.open_speech_samples()
        if not speech or not self.options.tentative_every_s or self.options.mode != "gated":
            return []
        index, heard = speech
        tried = self._tried_samples if index == self._tried_index else 0
        if heard - tried < self.options.tentative_every_s * SAMPLE_RATE:
            return []
        self._tried_index, self._tried_samples = index, heard
        segment = self._segmenter.open_segment()
        return [Request(Kind.TENTATIVE, segment)] if segment else []


def same_sound(a: SpeechSegment, b: SpeechSegment) -> bool:
    return (a.index, a.start_sample, len(a.samples)) == (b.index, b.start_sample, len(b.samples))


def _caption(segment: SpeechSegment, text: str, final: bool, **more) -> Caption:
    return Caption(segment.index, segment.start_s, segment.end_s, text, final, **more)


def _in_stream(words: tuple[Word, ...], segment: SpeechSegment) -> tuple[Word, ...]:
    begin_s = segment.start_sample / SAMPLE_RATE
    return tuple(replace(w, start_s=w.start_s + begin_s, end_s=w.end_s + begin_s) for w in words)
