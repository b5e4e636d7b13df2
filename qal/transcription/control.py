"""Pause, resume and stop of a transcription, and its priority below live captions.

Every call of the engine passes `ControlledEngine`, which waits or stops between two batches; a batch that has begun is
finished."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.longform.work import FileEngine

POLL_S = 0.1  # interval at which `may_run` is asked again


class TranscriptionStopped(Exception):
    """A stop was requested; what is settled is kept."""


def always() -> bool:
    return True


def unlimited() -> int | None:
    return None


def ignore_pause(is_paused: bool) -> None:
    """Ignores that the transcription was paused or resumed."""


class RunControl:
    """Controls one transcription from other threads.

    Args:
        may_run: asked before each batch; while it is False, the transcription waits. For live captions:
            a function that is False while their sessions have pending requests.
        max_batch: the largest batch now, None: any; smaller batches let live captions in sooner.
    """

    def __init__(self, may_run: Callable[[], bool] = always, max_batch: Callable[[], int | None] = unlimited):
        self.max_batch = max_batch
        self.on_pause: Callable[[bool], object] = ignore_pause  # called with True when a pause begins, False at its end
        self._may_run = may_run
        self._changed = threading.Condition()
        self._is_paused, self._is_stopped = False, False

    @property
    def is_paused(self) -> bool:
        return self._is_paused

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    def pause(self) -> None:
        """Makes the transcription wait before its next batch."""
        with self._changed:
            self._is_paused = True

    def resume(self) -> None:
        """Ends a pause."""
        with self._changed:
            self._is_paused = False
            self._changed.notify_all()

    def stop(self) -> None:
        """Makes the transcription end before its next batch, also while it is paused."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def check(self) -> None:
        """Waits while the transcription is paused or may not run. Raises TranscriptionStopped after `stop`."""
        if self._is_paused and not self._is_stopped:
            self.on_pause(True)
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped or not self._is_paused)
            self.on_pause(False)
        with self._changed:
            while not self._is_stopped and not self._may_run():
                self._changed.wait(POLL_S)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        """Raises TranscriptionStopped after `stop`; does not wait."""
        if self._is_stopped:
            raise TranscriptionStopped


class ControlledEngine:
    """An engine whose batches wait and stop as a RunControl says. Everything else is the engine's own."""

    def __init__(self, engine: FileEngine, control: RunControl):
        self._engine, self._control = engine, control

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    @property
    def ability(self) -> Any:
        return self._engine.ability

    @property
    def workers(self) -> int:
        return self._engine.workers

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        """Transcribes utterances in batches of the control's size."""
        transcripts: list[Transcript] = []
        rest = list(utterances)
        while rest:
            self._control.check()
            size = self._control.max_batch() or len(rest)
            transcripts += self._engine.transcribe(rest[:size], options)
            rest = rest[size:]
        return transcripts
