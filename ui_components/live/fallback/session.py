"""One speaker's captions where no live socket opens (else: qal/api/live_hub.py): sound goes in, a board is read out.

The work is done by a thread of the session's own, because Gradio overwrites a streamed chunk that its
handler has not taken yet: a handler must never wait for the model."""

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from qal.audio.samples import SAMPLE_RATE, Samples, from_pcm16
from qal.captions.session import Caption, Level
from ui_components.live.fallback.chunks import LossMeter

FLUSH_TIMEOUT_S = 60  # the last words of a slow model
NOTHING = np.zeros(0, np.int16)


class CaptionStage(Protocol):
    """What turns samples into captions; qal.captions.captioner.Captioner is one."""

    @property
    def level(self) -> Level: ...
    def feed(self, samples: Samples) -> list[Caption]: ...
    def flush(self) -> list[Caption]: ...


@dataclass(frozen=True)
class Board:
    """What the page shows. Lines that are final never change."""

    finals: tuple[Caption, ...] = ()
    tentative: Caption | None = None
    level: Level | None = None

    def with_captions(self, captions: list[Caption]) -> "Board":
        """A final replaces the tentative text of its segment; no text means there was none after all."""
        finals, tentative = self.finals, self.tentative
        for caption in captions:
            tentative = caption if caption.text and not caption.final else None
            if caption.final and caption.text:
                finals = (*finals, caption)
        return replace(self, finals=finals, tentative=tentative)


class ToSampleRate:
    """PCM at the microphone's rate -> samples at 16 kHz, without clicks between chunks."""

    def __init__(self, rate: int):
        self.rate = rate
        self._stream = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")

    def feed(self, pcm: NDArray[np.int16], last: bool = False) -> Samples:
        return self._stream.resample_chunk(from_pcm16(pcm), last=last)


@dataclass(frozen=True)
class Chunk:
    """What the microphone gave, and how it is to be captioned."""

    rate: int
    pcm: NDArray[np.int16]
    model: str
    language: str | None

    @property
    def settings(self) -> tuple[str, str | None]:
        return self.model, self.language

    def joined(self, later: "Chunk") -> "Chunk | None":
        """Both as one, when they are of a kind."""
        if (self.rate, self.settings) != (later.rate, later.settings):
            return None
        return replace(self, pcm=np.concatenate([self.pcm, later.pcm]))


class Order(Enum):
    FLUSH = auto()
    CLOSE = auto()


class LiveSession:
    """Feeds a caption stage from its own thread; `board` may be read at any time.

    A stage is opened by the first chunk, and again after a flush or when the chunk's settings change;
    the lines and the clock go on."""

    def __init__(self, open_stage: Callable[[str, str | None], CaptionStage]):
        self.board = Board()
        self.losses = LossMeter()
        self._shown: Board | None = None
        self._open_stage = open_stage
        self._inbox: queue.SimpleQueue[Chunk | Order] = queue.SimpleQueue()
        self._flushed = threading.Event()
        self._error: Exception | None = None
        self._failed: tuple[str, str | None] | None = None  # settings that gave an error: one toast is enough
        self._settings: tuple[str, str | None] | None = None
        self._stage: CaptionStage | None = None
        self._resampler: ToSampleRate | None = None
        self._heard = 0  # samples
        self._stage_began = 0  # samples heard before this stage
        threading.Thread(target=self._work, daemon=True, name="live-captions").start()

    def hear(self, chunk: Chunk) -> None:
        """Takes a chunk and returns at once."""
        self._inbox.put(chunk)

    def finish(self) -> Board:
        """Waits until all that was heard is final."""
        self._flushed.clear()
        self._inbox.put(Order.FLUSH)
        self._flushed.wait(FLUSH_TIMEOUT_S)
        return self.board

    def close(self) -> None:
        self._inbox.put(Order.CLOSE)

    def changed_board(self) -> Board | None:
        """The board when its lines differ from those of the last call; else None."""
        board, before = self.board, self._shown
        if before and (before.finals, before.tentative) == (board.finals, board.tentative):
            return None
        self._shown = board
        return board

    @property
    def status(self) -> str:
        """What the speaker must know besides the level; "" while all is well."""
        if self._failed:
            return "stopped by an error"
        return "" if self.board.level else "loading the model"

    def take_error(self) -> Exception | None:
        error, self._error = self._error, None
        return error

    def _work(self) -> None:
        for message in self._messages():
            try:
                if isinstance(message, Chunk):
                    self._feed(message)
                else:
                    self._end_stage()
            except Exception as error:  # handed to the page's next event, which raises it
                self._error, self._failed = error, self._settings
                self._stage = self._resampler = None
                self.board = replace(self.board, tentative=None, level=None)
            if message is Order.FLUSH:
                self._failed = None
                self._flushed.set()

    def _messages(self) -> Iterator[Chunk | Order]:
        """What came in until CLOSE; chunks that wait are joined, so that a slow model skips tentative texts."""
        message = self._inbox.get()
        while message is not Order.CLOSE:
            later = None
            while isinstance(message, Chunk) and not self._inbox.empty():
                later = self._inbox.get()
                joined = message.joined(later) if isinstance(later, Chunk) else None
                if not joined:
                    break
                message, later = joined, None
            yield message
            message = later or self._inbox.get()

    def _feed(self, chunk: Chunk) -> None:
        if chunk.settings == self._failed:
            return
        if chunk.settings != self._settings:
            self._end_stage()
            self._settings, self._failed = chunk.settings, None
        if self._stage is None:
            self._stage = self._open_stage(*chunk.settings)
            self._stage_began = self._heard
        if self._resampler and self._resampler.rate != chunk.rate:
            self._hear(self._resampler.feed(NOTHING, last=True))
            self._resampler = None
        self._resampler = self._resampler or ToSampleRate(chunk.rate)
        self._hear(self._resampler.feed(chunk.pcm))

    def _end_stage(self) -> None:
        if self._stage is None:
            return
        if self._resampler:
            self._hear(self._resampler.feed(NOTHING, last=True))
        self._show(self._stage.flush())
        self.board = replace(self.board, tentative=None, level=None)
        self._stage = self._resampler = None

    def _hear(self, samples: Samples) -> None:
        self._heard += len(samples)
        if self._stage and len(samples):
            self._show(self._stage.feed(samples))

    def _show(self, captions: list[Caption]) -> None:
        offset_s = self._stage_began / SAMPLE_RATE
        shifted = [replace(c, start_s=c.start_s + offset_s, end_s=c.end_s + offset_s) for c in captions]
        level = self._stage.level if self._stage else None
        self.board = replace(self.board.with_captions(shifted), level=level)


class LiveSessions:
    """Live sessions by Gradio's session hash."""

    def __init__(self):
        self._sessions: dict[str, LiveSession] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> LiveSession | None:
        return self._sessions.get(key)

    def get_or_start(self, key: str, open_stage: Callable[[str, str | None], CaptionStage]) -> LiveSession:
        with self._lock:
            if key not in self._sessions:
                self._sessions[key] = LiveSession(open_stage)
            return self._sessions[key]

    def drop(self, key: str) -> None:
        with self._lock:
            session = self._sessions.pop(key, None)
        if session:
            session.close()

    def __len__(self) -> int:
        return len(self._sessions)
