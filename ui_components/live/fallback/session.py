"""The live session of a page that cannot open a WebSocket (see qal/api/live_hub.py for those that can).

Each session captions in its own thread: Gradio overwrites a streamed chunk while the handler of an earlier chunk is
still running, so that a handler must never wait for the model."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple, Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from qal.audio.mix import LIVE_WINDOW_S, MonoMixer
from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16
from qal.captions.final_captions import Caption
from qal.captions.session import InputLevel
from ui_components.live.fallback.chunks import AudioLossMeter

FLUSH_TIMEOUT_S = 60
EMPTY_PCM = np.zeros(0, np.int16)
NO_SAMPLES = np.zeros(0, np.float32)


class StreamCaptioner(Protocol):
    """Turns samples into captions; qal.captions.captioner.Captioner implements it."""

    @property
    def level(self) -> InputLevel: ...
    def feed(self, samples: Samples) -> list[Caption]: ...
    def flush(self) -> list[Caption]: ...


LoadCaptioner = Callable[[str, str | None], StreamCaptioner]  # (model, language) -> captioner


@dataclass(frozen=True)
class CaptionState:
    """The captions and the input level that the page shows. Final captions never change."""

    finals: tuple[Caption, ...] = ()
    tentative: Caption | None = None
    level: InputLevel | None = None

    def with_captions(self, captions: list[Caption]) -> "CaptionState":
        """Returns the state after `captions`: a final caption replaces the tentative one, also if it has no text."""
        finals, tentative = self.finals, self.tentative
        for caption in captions:
            tentative = caption if caption.text and not caption.final else None
            if caption.final and caption.text:
                finals = (*finals, caption)
        return replace(self, finals=finals, tentative=tentative)


class StreamResampler:
    """Converts a stream of PCM, (n,) or (n, channels), to samples: mixed as in `MonoMixer`, resampled to 16 kHz.

    The result does not depend on the chunk sizes."""

    def __init__(self, rate: int):
        self._mixer = MonoMixer(round(LIVE_WINDOW_S * rate))
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, pcm: NDArray[np.int16], last: bool = False) -> Samples:
        """Adds the next chunk, which has as many channels as those before, and returns the samples that are complete.

        With `last` it returns all of the stream; then nothing may be fed any more."""
        pieces = [self._mixer.feed(from_pcm16(np.atleast_2d(pcm.T)))] if len(pcm) else []
        pieces += [self._mixer.flush()] if last else []
        return self._stream.resample_chunk(np.concatenate([NO_SAMPLES, *pieces]), last=last)


class CaptionSettings(NamedTuple):
    """The model and the language of a chunk; language None detects it."""

    model: str
    language: str | None


@dataclass(frozen=True)
class MicrophoneChunk:
    """Audio from the microphone and the settings to caption it with."""

    rate: int  # Hz
    pcm: NDArray[np.int16]  # (n,) or (n, channels)
    model: str
    language: str | None

    @property
    def settings(self) -> CaptionSettings:
        return CaptionSettings(self.model, self.language)

    def merged(self, later: "MicrophoneChunk") -> "MicrophoneChunk | None":
        """Returns both chunks as one; None if their rates, channels or settings differ."""
        if (self.rate, self.pcm.shape[1:], self.settings) != (later.rate, later.pcm.shape[1:], later.settings):
            return None
        return replace(self, pcm=np.concatenate([self.pcm, later.pcm]))


class Command(Enum):
    """A message to the session's thread that is not audio."""

    FLUSH = auto()
    CLOSE = auto()


class LiveSession:
    """Feeds a captioner from its own thread; `state` may be read at any time.

    A captioner is loaded for the first chunk, and again after a flush or when the settings change. Captions and times
    continue across captioners."""

    def __init__(self, load_captioner: LoadCaptioner):
        self.state = CaptionState()
        self.losses = AudioLossMeter()
        self._returned_state: CaptionState | None = None  # by the last call of changed_state
        self._load_captioner = load_captioner
        self._inbox: queue.SimpleQueue[MicrophoneChunk | Command] = queue.SimpleQueue()
        self._flushed = threading.Event()
        self._error: Exception | None = None
        self._failed: CaptionSettings | None = None  # settings whose error was reported
        self._settings: CaptionSettings | None = None
        self._captioner: StreamCaptioner | None = None
        self._resampler: StreamResampler | None = None
        self._audio_format: tuple[int, tuple[int, ...]] | None = None  # rate and channels of the last chunk
        self._received_samples = 0
        self._captioner_start = 0  # samples received before this captioner
        threading.Thread(target=self._work, daemon=True, name="live-captions").start()

    def add_chunk(self, chunk: MicrophoneChunk) -> None:
        """Queues a chunk and returns at once."""
        self._inbox.put(chunk)

    def finish(self) -> CaptionState:
        """Waits until all received audio is captioned."""
        self._flushed.clear()
        self._inbox.put(Command.FLUSH)
        self._flushed.wait(FLUSH_TIMEOUT_S)
        return self.state

    def close(self) -> None:
        """Ends the thread after the queued messages."""
        self._inbox.put(Command.CLOSE)

    def changed_state(self) -> CaptionState | None:
        """Returns the state; None if its captions are those of the last call."""
        state, before = self.state, self._returned_state
        if before and (before.finals, before.tentative) == (state.finals, state.tentative):
            return None
        self._returned_state = state
        return state

    @property
    def status(self) -> str:
        """The state of loading or failing as text; "" while captions are made."""
        if self._failed:
            return "Stopped by an error"
        return "" if self.state.level else "Loading model..."

    def take_error(self) -> Exception | None:
        """Returns the thread's last error and clears it."""
        error, self._error = self._error, None
        return error

    def _work(self) -> None:
        for message in self._messages():
            try:
                if isinstance(message, MicrophoneChunk):
                    self._caption(message)
                else:
                    self._flush_captioner()
            except Exception as error:  # the page's next event raises it
                self._error, self._failed = error, self._settings
                self._captioner = self._resampler = None
                self.state = replace(self.state, tentative=None, level=None)
            if message is Command.FLUSH:
                self._failed = None
                self._flushed.set()

    def _messages(self) -> Iterator[MicrophoneChunk | Command]:
        """Yields the messages until CLOSE. Waiting chunks are merged, so that a slow model skips tentative texts."""
        message = self._inbox.get()
        while message is not Command.CLOSE:
            later = None
            while isinstance(message, MicrophoneChunk) and not self._inbox.empty():
                later = self._inbox.get()
                merged = message.merged(later) if isinstance(later, MicrophoneChunk) else None
                if not merged:
                    break
                message, later = merged, None
            yield message
            message = later or self._inbox.get()

    def _caption(self, chunk: MicrophoneChunk) -> None:
        if chunk.settings == self._failed:
            return
        if chunk.settings != self._settings:
            self._flush_captioner()
            self._settings, self._failed = chunk.settings, None
        if self._captioner is None:
            self._captioner = self._load_captioner(chunk.model, chunk.language)
            self._captioner_start = self._received_samples
        audio_format = chunk.rate, chunk.pcm.shape[1:]
        if self._resampler and self._audio_format != audio_format:
            self._feed(self._resampler.feed(EMPTY_PCM, last=True))
            self._resampler = None
        self._audio_format = audio_format
        self._resampler = self._resampler or StreamResampler(chunk.rate)
        self._feed(self._resampler.feed(chunk.pcm))

    def _flush_captioner(self) -> None:
        """Makes all captions final and removes the captioner."""
        if self._captioner is None:
            return
        if self._resampler:
            self._feed(self._resampler.feed(EMPTY_PCM, last=True))
        self._add_captions(self._captioner.flush())
        self.state = replace(self.state, tentative=None, level=None)
        self._captioner = self._resampler = None

    def _feed(self, samples: Samples) -> None:
        self._received_samples += len(samples)
        if self._captioner and len(samples):
            self._add_captions(self._captioner.feed(samples))

    def _add_captions(self, captions: list[Caption]) -> None:
        offset_s = self._captioner_start / SAMPLE_RATE
        shifted = [replace(c, start_s=c.start_s + offset_s, end_s=c.end_s + offset_s) for c in captions]
        level = self._captioner.level if self._captioner else None
        self.state = replace(self.state.with_captions(shifted), level=level)


class LiveSessions:
    """The live sessions of all pages, by Gradio's session hash."""

    def __init__(self):
        self._sessions: dict[str, LiveSession] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> LiveSession | None:
        return self._sessions.get(key)

    def get_or_start(self, key: str, load_captioner: LoadCaptioner) -> LiveSession:
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = LiveSession(load_captioner)
            return self._sessions[key]

    def close(self, key: str) -> None:
        """Ends a session; does nothing if there is none."""
        with self._lock:
            session = self._sessions.pop(key, None)
        if session:
            session.close()

    def __len__(self) -> int:
        return len(self._sessions)
