"""A live session that survives: packets in any order, a broken connection, a restarted server."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from audio.samples import SAMPLE_RATE
from captions.protocol import Inlet, unpack
from captions.record import Record
from captions.scheduler import Scheduler
from captions.session import Caption, CaptionSession, Level


@dataclass(frozen=True)
class Update:
    """What the page is told. `ack` is the first sample it must still keep."""

    captions: Sequence[Caption]
    ack: int
    level: Level | None = None


class LiveStream:
    """One speaker's stream at a scheduler, its finals on disk before anybody sees them.

    `kept_from` is the first sample that the client still has: where a new server goes on, unless the record
    says that this part is final already."""

    def __init__(
        self,
        record: Record,
        scheduler: Scheduler,
        session: CaptionSession,
        publish: Callable[[Update], None],
        kept_from: int = 0,
    ):
        record.begin()
        lines = record.lines()
        self._record, self._scheduler, self._session, self._publish = record, scheduler, session, publish
        self._begin = max([kept_from, *(line.settled_sample for line in lines)])
        self._first_index = max((line.index + 1 for line in lines), default=0)
        self._inlet = Inlet(self._begin)
        self._lock = threading.RLock()
        self._seat = scheduler.open(session, self._deliver)

    @property
    def next_sample(self) -> int:
        """The sample that the client should send next."""
        return self._inlet.next_sample

    @property
    def ack(self) -> int:
        return self._begin + self._session.settled_sample

    def take(self, data: bytes) -> None:
        """A packet from the wire. Raises PacketError, and what went wrong with earlier sound."""
        samples = self._inlet.take(unpack(data))
        if len(samples):
            self._scheduler.feed(self._seat, samples)
        self._publish(Update((), self.ack, self._session.level))

    def publish_to(self, publish: Callable[[Update], None]) -> None:
        """The client came back over another connection."""
        self._publish = publish

    def finish(self) -> None:
        """Everything heard becomes final; nothing may be taken after it."""
        self._scheduler.flush(self._seat)

    def close(self) -> None:
        self._scheduler.leave(self._seat)

    def _deliver(self, captions: list[Caption]) -> None:
        with self._lock:
            placed = [self._placed(caption) for caption in captions]
            ack = self.ack
            for caption in placed:
                if caption.final and caption.text:
                    self._record.append(caption, ack)
            self._publish(Update(placed, ack))

    def _placed(self, caption: Caption) -> Caption:
        """Counted and timed from the beginning of the whole stream."""
        begin_s = self._begin / SAMPLE_RATE
        words = tuple(replace(w, start_s=w.start_s + begin_s, end_s=w.end_s + begin_s) for w in caption.words)
        times = {"start_s": caption.start_s + begin_s, "end_s": caption.end_s + begin_s}
        return replace(caption, index=caption.index + self._first_index, words=words, **times)
