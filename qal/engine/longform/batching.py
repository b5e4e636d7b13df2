"""Joins the utterances of several callers into common batches: many short files are decoded as fast as a long one.

caller 1   ▄ ─┐
caller 2   ▄ ─┼─► those that are encoded alike ─► one call of the engine ─► each caller gets its own
caller 3   ▄ ─┘

There is no thread, and no waiting for others: a caller that finds the engine free decodes what is pending, its own or
not. While it does, the utterances of the others gather."""

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from qal.engine.context import grid_samples
from qal.engine.decoding import GREEDY, DecodingOptions
from qal.engine.engine import Transcript, Utterance
from qal.engine.longform.work import FileEngine
from qal.engine.model_directory import ContextAbility

MAX_BATCH = 16
MAX_PASSED_OVER = 3  # times that larger groups go before an utterance


@dataclass(eq=False)
class _Pending:
    """An utterance that waits for the engine, and then its transcript or error."""

    utterance: Utterance
    options: DecodingOptions
    group: Hashable  # utterances of one group may be decoded together
    passed_over: int = 0
    transcript: Transcript | None = None
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.transcript is not None or self.error is not None


class BatchingEngine:
    """An engine that may be called by many threads at once. Everything else is the engine's own.

    Only utterances `on_grid`, whose text depends on no other one of a batch, are joined with those of other callers.

    Args:
        engine: the model; it is called at most `engine.workers` times at once.
        max_batch: utterances of a call, unless a caller gives more that are not `on_grid`."""

    def __init__(self, engine: FileEngine, max_batch: int = MAX_BATCH):
        self.engine, self._max_batch = engine, max_batch
        self._changed = threading.Condition()
        self._pending: list[_Pending] = []  # the oldest first
        self._running = 0  # calls of the engine

    def __getattr__(self, name: str) -> Any:
        if name == "engine":  # not set yet
            raise AttributeError(name)
        return getattr(self.engine, name)

    @property
    def ability(self) -> ContextAbility:
        return self.engine.ability

    @property
    def workers(self) -> int:
        return self.engine.workers

    def transcribe(self, utterances: Sequence[Utterance], options: DecodingOptions = GREEDY) -> list[Transcript]:
        """Transcribes utterances; returns one transcript for each, in order. Raises what the engine raises for them."""
        call = object()
        mine = [_Pending(u, options, _group(u, options, call)) for u in utterances]
        with self._changed:
            self._pending += mine
            self._changed.notify_all()  # a larger group may be there now
        while batch := self._next_batch(mine):
            try:
                self._decode(batch)
            finally:
                with self._changed:
                    self._running -= 1
                    self._changed.notify_all()
        for pending in mine:
            if pending.error:
                raise pending.error
        return [pending.transcript for pending in mine if pending.transcript]

    def _next_batch(self, mine: Sequence[_Pending]) -> list[_Pending]:
        """Waits until a caller's utterances are done, and returns []; or takes a batch that this caller must decode."""
        with self._changed:
            self._changed.wait_for(
                lambda: all(p.is_done for p in mine) or (self._pending and self._running < self.engine.workers)
            )
            if all(pending.is_done for pending in mine):
                return []
            batch = self._take()
            self._running += 1
            return batch

    def _take(self) -> list[_Pending]:
        """Takes the largest group, or that of the oldest utterance if it was passed over too often."""
        groups: dict[Hashable, list[_Pending]] = {}
        for pending in self._pending:
            groups.setdefault(pending.group, []).append(pending)
        oldest = self._pending[0]
        chosen = groups[oldest.group]
        if oldest.passed_over < MAX_PASSED_OVER:
            chosen = max(groups.values(), key=len)  # of equal ones the one with the oldest utterance
        oldest.passed_over += 1
        batch = chosen[: self._max_batch] if chosen[0].utterance.on_grid else chosen
        taken = set(map(id, batch))
        self._pending = [pending for pending in self._pending if id(pending) not in taken]
        return batch

    def _decode(self, batch: Sequence[_Pending]) -> None:
        """Decodes a batch. If it fails, its utterances are decoded alone, so that an error is its caller's only."""
        options = batch[0].options
        try:
            transcripts = self.engine.transcribe([pending.utterance for pending in batch], options)
            for pending, transcript in zip(batch, transcripts, strict=True):
                pending.transcript = transcript
        except Exception as error:
            if len(batch) == 1 or not batch[0].utterance.on_grid:
                for pending in batch:
                    pending.error = error
                return
            for pending in batch:
                self._decode([pending])
        except BaseException as error:
            for pending in batch:
                pending.error = RuntimeError(f"the call was interrupted by {type(error).__name__}")
            raise


def _group(utterance: Utterance, options: DecodingOptions, call: object) -> Hashable:
    """Returns what utterances that are decoded together have in common; those not `on_grid` share their call."""
    if not utterance.on_grid:
        return call, options
    return grid_samples(len(utterance.samples)), bool(utterance.previous_text), options
