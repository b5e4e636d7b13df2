"""A live session that survives: packets in any order, a broken connection, a restarted server."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from qal.audio.samples import SAMPLE_RATE
from qal.captions.protocol import Inlet, unpack
from qal.captions.record import Record
from qal.captions.saved_audio import KeptSound
from qal.captions.scheduler import Scheduler
from qal.captions.session import Caption, CaptionSession, Level


@dataclass(frozen=True)
class Update:
    """What the page is told. `ack` is the first sample it must still keep."""

    captions: Sequence[Caption]
    ack: int
    level: Level | None = None


Publish = Callable[[Update], None]


class LiveStream:
    """One speaker's stream at a scheduler, its finals on disk before anybody sees them.

    `kept_from` is the first sample that the client still has: where a new server goes on, unless the record
    says that this part is final already. `keep_sound` only where the speaker asked for it. One thread at a time
    may use it; captions come from the scheduler's."""

    def __init__(
        self,
        record: Record,
        scheduler: Scheduler,
        session: CaptionSession,
        publish: Publish,
        kept_from: int = 0,
        keep_sound: bool = False,
    ):
        record.begin()
        lines = record.lines()
        self._record, self._scheduler, self._session, self._publish = record, scheduler, session, publish
        self._begin = self._settled = max([kept_from, *(line.settled_sample for line in lines)])
        self._first_index = max((line.index + 1 for line in lines), default=0)
        self._inlet = Inlet(self._begin)
        self._using = threading.Lock()
        self._sound = KeptSound(record.folder)
        self.keep_sound(keep_sound)
        self._seat = scheduler.open(session, self._deliver)

    @property
    def next_sample(self) -> int:
        """The sample that the client should send next."""
        return self._inlet.next_sample

    @property
    def ack(self) -> int:
        with self._seat.lock:
            return self._begin + self._session.settled_sample

    def take(self, data: bytes) -> None:
        """A packet from the wire. Raises PacketError, BusyError, and what went wrong with earlier sound."""
        with self._using:
            packet = unpack(data)
            self._scheduler.wait_for_room(self._seat)  # before the packet counts as taken
            first, samples = self.next_sample, self._inlet.take(packet)
            if len(samples):
                if self._keeps_sound:  # before a caption of it can be on the screen
                    self._sound.write(first, samples)
                self._scheduler.feed(self._seat, samples)
        self._publish(Update((), self.ack, self._session.level))

    def keep_sound(self, wanted: bool) -> None:
        """Whether the sound from here on is kept on disk. Raises StorageError where it has no room."""
        with self._using:
            self._sound.keep(self.next_sample) if wanted else self._sound.stop()
            self._keeps_sound = wanted

    def resume(self, publish: Publish, last_index: int) -> None:
        """The client came back, over another connection; what it has not seen is told again."""
        with self._seat.lock:
            self._publish = publish
            self.tell_again(last_index)

    def tell_again(self, last_index: int) -> None:
        """The finals after this one, off the disk."""
        missed = [line.caption() for line in self._record.lines() if line.index > last_index]
        if missed:
            self._publish(Update(missed, self.ack))

    def finish(self) -> None:
        """Everything heard becomes final; nothing may be taken after it. Raises as `take` does."""
        with self._using:
            self._scheduler.flush(self._seat)

    def close(self) -> None:
        self._scheduler.leave(self._seat)

    def _deliver(self, captions: list[Caption]) -> None:
        """The seat's lock is held. Only the last one's line may say how far the whole stream is settled."""
        placed = [self._placed(caption) for caption in captions]
        lasting = [c for c in placed if c.final and c.text]
        for caption in lasting:
            settled = self.ack if caption is lasting[-1] else self._settled
            self._record.append(caption, settled)
            self._settled = settled
        self._publish(Update(placed, self.ack))

    def _placed(self, caption: Caption) -> Caption:
        """Counted and timed from the beginning of the whole stream."""
        begin_s = self._begin / SAMPLE_RATE
        words = tuple(replace(w, start_s=w.start_s + begin_s, end_s=w.end_s + begin_s) for w in caption.words)
        times = {"start_s": caption.start_s + begin_s, "end_s": caption.end_s + begin_s}
        return replace(caption, index=caption.index + self._first_index, words=words, **times)
