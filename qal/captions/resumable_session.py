"""A live session that can be resumed after lost packets, a broken connection or a restarted server."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.captions.final_captions import Caption
from qal.captions.protocol import ReorderBuffer, unpack
from qal.captions.record import SessionRecord
from qal.captions.saved_audio import SavedAudio
from qal.captions.scheduler import BusyError, Scheduler
from qal.captions.serial_tasks import SerialTasks
from qal.captions.session import CaptionSession, InputLevel
from qal.engine.words import move_words


@dataclass(frozen=True)
class SessionUpdate:
    """A message to the page. `ack` is the first sample that the page must still keep."""

    captions: Sequence[Caption]
    ack: int
    level: InputLevel | None = None


UpdateCallback = Callable[[SessionUpdate], None]
LOG = logging.getLogger("qal")


class ResumableSession:
    """Captions one stream of packets; each final caption is written to the record before it is sent.

    One thread at a time may call it; updates are sent from that thread and from the scheduler's.

    Args:
        record: the session's folder; its captions are continued if there are any.
        scheduler: transcribes the session's requests.
        session: a new caption session.
        on_update: receives captions, acknowledgements and input levels.
        kept_from: the first sample that the client still has. The stream begins there, or later if the record says
            that more samples are settled.
        save_audio: whether the audio is written to disk, too.
        disk: threads that write the captions, so that a slow disk delays this session alone; None writes them in the
            thread that transcribes.
    """

    def __init__(
        self,
        record: SessionRecord,
        scheduler: Scheduler,
        session: CaptionSession,
        on_update: UpdateCallback,
        kept_from: int = 0,
        save_audio: bool = False,
        disk: Executor | None = None,
    ):
        record.create()
        stored = record.stored_captions()
        self._record = record
        self._scheduler = scheduler
        self._session = session
        self._on_update = on_update
        self._start_sample = max([kept_from, *(caption.settled_sample for caption in stored)])
        self._settled_sample = self._start_sample
        self._first_index = max((caption.index + 1 for caption in stored), default=0)
        self._reorder_buffer = ReorderBuffer(self._start_sample)
        self._lock = threading.Lock()  # for the packets and the saved audio
        self._writes = SerialTasks(disk)
        self._has_write_error = False
        self._is_finished = False
        self._saved_audio = SavedAudio(record.folder)
        self.set_audio_saving(save_audio)
        self._scheduled = scheduler.add(session, self._deliver)

    @property
    def next_sample(self) -> int:
        """The sample that the client should send next."""
        return self._reorder_buffer.next_sample

    @property
    def is_empty(self) -> bool:
        """True if no sample has arrived and the record has no captions."""
        return self.next_sample == self._start_sample and not self._first_index

    @property
    def is_over(self) -> bool:
        """True after an error, `finish` or `close`; a new stream continues from disk."""
        return self._is_finished or self._scheduled.failure is not None or self._scheduled not in self._scheduler

    @property
    def ack(self) -> int:
        """The first sample that is not settled on disk."""
        with self._scheduled.lock:
            is_written = self._writes.is_idle and not self._has_write_error
            return self._settled_now() if is_written else self._settled_sample

    def _settled_now(self) -> int:
        return self._start_sample + self._session.settled_sample

    def receive(self, data: bytes) -> None:
        """Adds an encoded packet and sends an update.

        Raises:
            PacketError: the packet is malformed.
            BusyError: the engine is too slow, or the session was finished.
            StorageError: the audio cannot be saved.
            Exception: the error that ended the transcription of earlier packets.
        """
        with self._lock:
            packet = unpack(data)
            if self._is_finished:
                raise BusyError("this recording has ended on the server; press Start again")
            self._scheduler.wait_for_capacity(self._scheduled)  # before the packet counts as received
            first_sample = self.next_sample
            samples = self._reorder_buffer.add(packet)
            try:
                self._use(first_sample, samples)
            except Exception as error:  # the samples count as received, but are lost to this stream
                self._scheduler.fail(self._scheduled, error)
                raise
        self._on_update(SessionUpdate((), self.ack, self._session.level))

    def _use(self, first_sample: int, samples: Samples) -> None:
        """Saves the next samples of the stream, if that is requested, and transcribes them."""
        if not len(samples):
            return
        if self._saves_audio:  # before a caption of it can be sent
            self._saved_audio.write(first_sample, samples)
        self._scheduler.feed(self._scheduled, samples)

    def set_audio_saving(self, enabled: bool) -> None:
        """Starts or stops saving the audio that is received from now on. Raises StorageError if the disk is full."""
        with self._lock:
            if enabled:
                self._saved_audio.start(self.next_sample)
            else:
                self._saved_audio.stop()
            self._saves_audio = enabled

    def resume(self, on_update: UpdateCallback, last_index: int) -> None:
        """Continues over a new connection; resends the final captions after `last_index`."""
        with self._scheduled.lock:
            self._on_update = on_update
            self._resend(last_index)

    def finish(self) -> None:
        """Makes all captions final. Raises as `receive` does."""
        with self._lock:
            self._is_finished = True
            self._scheduler.flush(self._scheduled)
        self._writes.wait()
        if self._scheduled.failure:
            raise self._scheduled.failure

    def close(self) -> None:
        """Removes the session from the scheduler; pending requests are discarded, decided captions are written."""
        self._scheduler.remove(self._scheduled)
        self._writes.wait()

    def _resend(self, last_index: int) -> None:
        missed = [stored.caption() for stored in self._record.stored_captions() if stored.index > last_index]
        if missed:
            self._on_update(SessionUpdate(missed, self.ack))

    def _deliver(self, captions: list[Caption]) -> None:
        """Sends captions, final ones after they are on disk. Called with the scheduled session's lock held."""
        placed = [self._in_stream(caption) for caption in captions]
        if self._writes.is_idle and not any(c.final and c.text for c in placed):
            self._on_update(SessionUpdate(placed, self.ack))
            return
        settled_sample = self._settled_now()
        self._writes.add(lambda: self._write_and_send(placed, settled_sample))

    def _write_and_send(self, captions: Sequence[Caption], settled_sample: int) -> None:
        """Records the final captions, then sends all; an error (a full disk) ends this session alone.

        Only the last recorded caption may carry the new settled sample: the earlier ones do not cover it. After an
        error nothing more is recorded, because it would acknowledge the audio of the caption that is not on disk."""
        if self._has_write_error:
            return
        finals = [c for c in captions if c.final and c.text]
        try:
            for caption in finals:
                self._record.append(caption, settled_sample if caption is finals[-1] else self._settled_sample)
            with self._scheduled.lock:
                self._settled_sample = settled_sample if finals else self._settled_sample
                self._on_update(SessionUpdate(captions, self._settled_sample))
        except Exception as error:
            LOG.exception("captions could not be written")
            self._has_write_error = True
            self._scheduler.fail(self._scheduled, error)

    def _in_stream(self, caption: Caption) -> Caption:
        """Returns the caption with index and times from the beginning of the whole stream."""
        start_s = self._start_sample / SAMPLE_RATE
        words = move_words(caption.words, start_s)
        times = {"start_s": caption.start_s + start_s, "end_s": caption.end_s + start_s}
        return replace(caption, index=caption.index + self._first_index, words=words, **times)
