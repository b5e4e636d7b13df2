"""Live captions of one stream: samples in, transcription requests out; transcripts in, captions out.

No clock, thread, socket or disk. The caller decides when a request is transcribed: `Captioner` at once, `Scheduler`
when its turn comes.

    feed ─► VAD ─► gate ─► segment ─► Request ──► engine
                     ▲                             │
              end-pointing ◄──────── transcript ◄──┤
                                                   │
    captions ◄─ agreement, language ◄─ transcript ◄┘

With an adaptive wait, the transcript of the segment decides how long the silence must last. When the silence is as long
as the wait after a complete sentence and the transcript is not there yet, the gate is given no further windows until it
is. They are kept meanwhile, so that the captions do not depend on how fast the engine is.
"""

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

import numpy as np

from qal.audio.gate import DEFAULT_GATE, GateOptions
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.vad import VAD_WINDOW, Probabilities, VadStream
from qal.captions.agreement import LocalAgreement
from qal.captions.end_pointing import EndPointing
from qal.captions.final_captions import Caption, FinalCaptions, segment_caption
from qal.captions.fixed_chunks import ChunkSegmenter
from qal.captions.options import DEFAULT_SESSION, SessionOptions
from qal.captions.segmenter import Segmenter, SpeechSegment
from qal.engine.engine import Transcript, Utterance

NO_SAMPLES = np.zeros(0, np.float32)


@dataclass(frozen=True)
class InputLevel:
    """The level, speech probability and gate state of the last VAD window."""

    rms: float
    speech_probability: float
    gate_open: bool


class RequestKind(IntEnum):
    """The kind of a request; smaller values are more urgent."""

    FINAL = 0
    SPECULATIVE = 1  # becomes final if the silence continues
    TENTATIVE = 2


@dataclass(frozen=True)
class Request:
    """A segment to transcribe. Transcripts must be added in the order of the requests, except for tentative ones."""

    kind: RequestKind
    segment: SpeechSegment


class SessionOutput(NamedTuple):
    """Captions that are ready, and the requests to transcribe next."""

    captions: list[Caption]
    requests: list[Request]

    def __add__(self, later: "SessionOutput") -> "SessionOutput":  # pyright: ignore[reportIncompatibleMethodOverride]
        return SessionOutput([*self.captions, *later.captions], [*self.requests, *later.requests])


class Speculation:
    """A segment that is transcribed before it ends, and its transcript once that is there."""

    def __init__(self, segment: SpeechSegment):
        self.segment = segment
        self.is_done = False
        self.transcript: Transcript | None = None

    def add_transcript(self, transcript: Transcript | None) -> None:
        self.is_done, self.transcript = True, transcript


class VoiceActivityDetector(Protocol):
    """Gives one speech probability for each completed window; qal.audio.vad.VadStream implements it."""

    def feed(self, samples: Samples) -> Probabilities: ...


class CaptionSession:
    """The state of one captioned stream. The sizes of the fed arrays never change the final captions.

    Args:
        language: a language code; None detects the language on the first segment that is long enough, then holds it
            until two successive segments are in another one.
        gate: when a segment of speech begins and ends.
        options: how captions are made.
        vad: the voice activity detector; None uses Silero.
        task: "transcribe" or "translate" (to English).
    """

    def __init__(
        self,
        language: str | None = None,
        gate: GateOptions = DEFAULT_GATE,
        options: SessionOptions = DEFAULT_SESSION,
        vad: VoiceActivityDetector | None = None,
        task: str = "transcribe",
    ):
        self._task = task
        self.options = options
        self._vad = vad or VadStream()
        self._segmenter = ChunkSegmenter(gate) if options.mode == "chunks" else Segmenter(gate)
        self._end_pointing = EndPointing(gate)
        self._windows: deque[float] = deque()  # speech probabilities of windows that have not reached the gate
        self._is_ending = False  # the stream has ended, but not yet the last segment
        self._deciding: Speculation | None = None  # its transcript decides how long the silence must last
        self._finals = FinalCaptions(language, options, task)
        self._tentative_index = -1  # the segment whose tentative text was last captioned
        self._requested_index, self._requested_samples = -1, 0  # speech of the last tentative request
        self._agreement = LocalAgreement()
        self._agreement_index, self._agreement_samples = -1, 0  # segment and length of the last tentative text
        self._speculation: Speculation | None = None
        self._pending: list[SpeechSegment] = []  # segments that ended and have no final text yet
        self._last_window = np.zeros(VAD_WINDOW, np.float32)
        self._last_probability = 0.0

    @property
    def language(self) -> str | None:
        """The chosen language, or the detected one once it is held."""
        return self._finals.language

    @property
    def level(self) -> InputLevel:
        rms = float(np.sqrt(np.mean(np.square(self._last_window))))
        return InputLevel(rms, self._last_probability, self._segmenter.is_open)

    @property
    def undecided_samples(self) -> int:
        """Samples that wait for the gate, until the end of the segment before them is decided."""
        return len(self._windows) * VAD_WINDOW

    @property
    def settled_sample(self) -> int:
        """The first sample that is not yet covered by a final caption or by silence outside of segments.

        It is a multiple of the VAD's window, so that a stream that begins there has the same speech probabilities."""
        waiting = [sample for sample in [self._finals.pending_sample] if sample is not None]
        first = min([*waiting, *(s.start_sample for s in self._pending), self._segmenter.needed_sample])
        return first - first % VAD_WINDOW

    def feed(self, samples: Samples) -> SessionOutput:
        """Adds samples, (n,) float32 at 16 kHz for any n."""
        probabilities = self._vad.feed(samples)
        self._last_window = np.concatenate([self._last_window, samples])[-VAD_WINDOW:]
        if len(probabilities):
            self._last_probability = float(probabilities[-1])
        self._segmenter.feed(samples, ())
        self._windows.extend(probabilities)
        output = self._advance()
        early = [] if self._deciding or output.requests else self._tentative_requests()
        return SessionOutput(output.captions, [*output.requests, *early])

    def flush(self) -> SessionOutput:
        """Ends the stream. `feed` may not be called after it."""
        self._is_ending = True
        return self._advance()

    def _advance(self) -> SessionOutput:
        """Gives the waiting windows to the gate, up to a silence whose length has to be decided first."""
        output = SessionOutput([], [])
        while self._windows and not self._is_undecided:
            output = output + self._end_segments(self._segmenter.feed(NO_SAMPLES, [self._windows.popleft()]))
            if not self._segmenter.silence_ms:  # speech resumed, or the segment ended
                self._deciding = None
            output.requests.extend(self._speculative_requests())
        if self._is_ending and not self._is_undecided:
            self._is_ending = False
            output = output + self._end_segments(self._segmenter.flush())
        return output

    @property
    def _is_undecided(self) -> bool:
        """True if the silence may already be long enough, but the transcript that decides it is not there yet."""
        return self._deciding is not None and self._segmenter.silence_ms >= self._end_pointing.shortest_ms

    def utterance(self, request: Request) -> Utterance:
        """Returns the engine's input. Call it just before transcription: the language may be known by then."""
        segment = request.segment
        prompt = " ".join(filter(None, [self.options.expect, self._finals.previous_text]))
        can_change = request.kind is not RequestKind.TENTATIVE and self._finals.is_long_enough(segment)
        language, detection = self._finals.spoken.next_utterance(can_change)
        return Utterance(segment.samples, language, self._task, segment.speech_probability, prompt, detection)

    def is_stale(self, request: Request) -> bool:
        """True if the transcript of the request would no longer change a caption."""
        segment = request.segment
        if request.kind is RequestKind.FINAL:
            return False
        if request.kind is RequestKind.SPECULATIVE:
            return not self._is_speculation(segment) and not self._is_pending(segment)
        return not self._is_open(segment)

    def add_transcript(self, request: Request, transcript: Transcript | None) -> SessionOutput:
        """Returns the captions that the transcript changes, and the requests of samples that waited for it.

        None as transcript means that there is no text, or none to show."""
        segment = request.segment
        if self._is_pending(segment):
            self._pending = [pending for pending in self._pending if pending is not segment]
            return SessionOutput(self._final_captions(segment, transcript), [])
        if self._speculation and self._is_speculation(segment):
            self._speculation.add_transcript(transcript)
        if not self._deciding or self._deciding.segment is not segment:
            return SessionOutput(self._tentative_captions(segment, transcript), [])
        self._deciding = None
        ended = self._segmenter.set_wait(self._end_pointing.wait_ms(transcript))
        decided = (
            self._end_segments(ended) if ended else SessionOutput(self._tentative_captions(segment, transcript), [])
        )
        return decided + self._advance()

    def _is_pending(self, segment: SpeechSegment) -> bool:
        return any(pending is segment for pending in self._pending)

    def _is_speculation(self, segment: SpeechSegment) -> bool:
        return self._speculation is not None and self._speculation.segment is segment

    def _is_open(self, segment: SpeechSegment) -> bool:
        speech = self._segmenter.open_speech()
        return speech is not None and speech.segment_index == segment.index

    def _end_segments(self, segments: list[SpeechSegment]) -> SessionOutput:
        """Makes ended segments final: at once if a speculation has their text, else by a request."""
        captions: list[Caption] = []
        requests: list[Request] = []
        for segment in segments:
            speculation, self._speculation = self._speculation, None
            if not speculation or not have_same_samples(speculation.segment, segment):
                self._pending.append(segment)
                requests.append(Request(RequestKind.FINAL, segment))
            elif speculation.is_done:
                captions += self._final_captions(segment, speculation.transcript)
            else:
                self._pending.append(speculation.segment)
        return SessionOutput(captions, requests)

    def _final_captions(self, segment: SpeechSegment, transcript: Transcript | None) -> list[Caption]:
        if transcript:
            self._end_pointing.add_final(transcript.text)
        return self._finals.decide(segment, transcript, had_tentative=segment.index == self._tentative_index)

    def _tentative_captions(self, segment: SpeechSegment, transcript: Transcript | None) -> list[Caption]:
        """Returns the tentative caption of the open segment; nothing if the segment has ended."""
        if not transcript or not self._is_open(segment):
            return []
        if self._agreement_index != segment.index:
            self._agreement, self._agreement_index, self._agreement_samples = LocalAgreement(), segment.index, 0
        if len(segment.samples) < self._agreement_samples:  # a longer one was transcribed at the same time
            return []
        self._agreement_samples = len(segment.samples)
        tentative = self._agreement.add_transcript(transcript.text)
        self._tentative_index = segment.index
        return [segment_caption(segment, tentative.text, final=False, committed=len(tentative.committed))]

    def _speculative_requests(self) -> list[Request]:
        """Requests the open segment as it will end if the silence continues, once per silence."""
        is_enabled = self.options.speculate and self.options.mode == "gated"
        closing = self._segmenter.closing_segment() if is_enabled else None
        if not closing or (self._speculation and have_same_samples(self._speculation.segment, closing)):
            return []
        self._speculation = Speculation(closing)
        self._requested_index, self._requested_samples = self._segmenter.open_speech() or (-1, 0)  # its text is shown
        if self._end_pointing.is_adaptive:
            self._deciding = self._speculation
        return [Request(RequestKind.SPECULATIVE, closing)]

    def _tentative_requests(self) -> list[Request]:
        """Requests the open segment after each `tentative_every_s` of new speech."""
        speech = self._segmenter.open_speech()
        if not speech or not self.options.tentative_every_s or self.options.mode != "gated":
            return []
        requested = self._requested_samples if speech.segment_index == self._requested_index else 0
        if speech.speech_samples - requested < self.options.tentative_every_s * SAMPLE_RATE:
            return []
        self._requested_index, self._requested_samples = speech
        segment = self._segmenter.open_segment()
        return [Request(RequestKind.TENTATIVE, segment)] if segment else []


def have_same_samples(a: SpeechSegment, b: SpeechSegment) -> bool:
    return (a.index, a.start_sample, len(a.samples)) == (b.index, b.start_sample, len(b.samples))
