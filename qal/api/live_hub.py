"""The live sessions of a server: clients reconnect to them by id; all sessions of one engine share a scheduler.

A session belongs to the connection that joined it last. Joining, changing settings and finishing may take long (a
model is loaded, a queue is emptied), so that they and the packets run in thread pools of the hub."""

import logging
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from qal.api.audience.hub import AudienceHub
from qal.api.live_messages import JoinMessage, SettingsMessage, have_same_captions, session_info, settings_only
from qal.api.live_slot import SessionSlot, lock_longest_waiting, require_owner, waiting_since
from qal.captions.options import SessionOptions
from qal.captions.record import SessionRecord, delete_old_sessions, make_private, new_session_id
from qal.captions.resumable_session import ResumableSession, UpdateCallback
from qal.captions.scheduler import BusyError
from qal.captions.scheduler_pool import SchedulerPool
from qal.captions.session import CaptionSession
from qal.captions.session_info import add_info, require_reader
from qal.engine.cache import EngineCache
from qal.engine.engine import Engine
from qal.errors import ModelError, QalError

RECONNECT_TIMEOUT_S = 120.0  # a session without a connection stays in memory so long; later it resumes from disk
MAINTENANCE_INTERVAL_S = 60.0

LOG = logging.getLogger("qal")


class LiveHub:
    """All live sessions of a server.

    Args:
        engines: loads the models.
        runs: folder of the training runs.
        live: folder of the session records; it is made private, and created if it is missing.
        offered: returns the names of the models that clients may use.
        max_sessions: more sessions at the same time are refused."""

    def __init__(
        self,
        engines: EngineCache,
        runs: Path,
        live: Path,
        offered: Callable[[], Collection[str]],
        max_sessions: int = 64,
    ):
        self._engines = engines
        self._runs = runs
        make_private(live)
        self._live = live
        self.audience = AudienceHub(live)
        self._offered = offered
        self._max_sessions = max_sessions
        self._slots: dict[str, SessionSlot] = {}  # by session id
        self.schedulers = SchedulerPool(max_sessions)
        self._lock = threading.Lock()
        self._is_closed = False
        self._maintenance_timer: threading.Timer | None = None
        self.packet_executor = ThreadPoolExecutor(max_sessions, "live-packets")
        self.slow_executor = ThreadPoolExecutor(max_sessions, "live-slow")
        self.disk_executor = ThreadPoolExecutor(max_sessions, "live-disk")

    def join(
        self, message: JoinMessage, owner: object, on_update: UpdateCallback, user: str | None = None
    ) -> SessionSlot:
        """Starts a session, or resumes the one that the client names from memory or from disk.

        Raises:
            BusyError: too many sessions.
            SessionAccessError: the session belongs to a user other than `user`.
            ModelError, LanguageError: the model cannot be used.
            OptionError: the session id is not valid.
            StorageError: the record cannot be written or read."""
        record = SessionRecord(self._live, message.session or new_session_id())
        require_reader(record, user)
        slot = self._find_slot(record, owner) or self._create_slot(message, record, owner, on_update)
        try:
            with slot.lock:  # waits for the last packet of an earlier connection, or until the session is open
                if not slot.closed and slot.stream.is_over:  # after an error
                    self._close(slot)
                if slot.closed:
                    return self.join(message, owner, on_update, user)
                if slot.settings.keep_sound and not message.keep_sound:  # revoked while disconnected
                    slot.stream.set_audio_saving(False)
                    slot.settings = slot.settings.model_copy(update={"keep_sound": False})
                slot.stream.resume(self.audience.tee(slot.id, on_update), message.last_index)
                self.audience.session_opened(slot.id)
                add_info(record, session_info(message, user))
        except BaseException:
            self.disconnect(slot, owner)
            raise
        return slot

    def _find_slot(self, record: SessionRecord, owner: object) -> SessionSlot | None:
        """Gives the session to its new owner if it is in memory; its engine stays, also if the model was deleted."""
        with self._lock:
            slot = self._slots.get(record.folder.name)
            if slot:
                slot.connect(owner)
            return slot

    def _create_slot(
        self, message: JoinMessage, record: SessionRecord, owner: object, on_update: UpdateCallback
    ) -> SessionSlot:
        engine = self._get_engine(message)
        slot = SessionSlot(record.folder.name, settings_only(message), owner)
        with slot.lock:  # others that join the session meanwhile wait for it
            with self._lock:
                if faster := self._slots.get(slot.id):  # another connection
                    faster.connect(owner)
                    return faster
                displaced = self._make_room()
                self._slots[slot.id] = slot
            if displaced:
                self._close_displaced(displaced)
            try:  # without the hub's lock: the record may be long and the disk slow
                slot.stream = self._open_stream(engine, message, record, on_update, message.kept_from)
            except BaseException:
                slot.closed = True
                with self._lock:
                    self._slots.pop(slot.id, None)
                raise
        return slot

    def _make_room(self) -> SessionSlot | None:
        """Takes the place of the session that is longest without a connection, if all places are taken.

        Its client resumes from disk, where its final captions are, and sends the rest again. The caller holds
        `_lock`, and closes the returned session, whose lock is held. Raises BusyError if no session can give way."""
        if len(self._slots) < self._max_sessions:
            return None
        free = lock_longest_waiting(self._slots.values())
        if not free:
            raise BusyError(f"all {self._max_sessions} sessions are in use; try again in a minute")
        return free

    def _close_displaced(self, slot: SessionSlot) -> None:
        try:
            self._close(slot)
        finally:
            slot.lock.release()

    def _close(self, slot: SessionSlot) -> None:
        """Ends a session; the caller holds the lock of the slot. Who waits for the lock resumes from disk."""
        slot.closed = True
        self.end(slot)

    def receive_packet(self, slot: SessionSlot, owner: object, data: bytes) -> None:
        """Adds an encoded packet. Raises SupersededError, and as `ResumableSession.receive` does."""
        with slot.lock:
            require_owner(slot, owner)
            slot.stream.receive(data)

    def change_settings(
        self, slot: SessionSlot, owner: object, settings: SettingsMessage, on_update: UpdateCallback
    ) -> None:
        """Applies new settings from here on; the captions of the audio so far become final first.

        If the model cannot be used, nothing changes. Starting or stopping to save audio ends no caption."""
        engine = self._get_engine(settings)  # raises before anything changes
        with slot.lock:
            require_owner(slot, owner)
            slot.stream.set_audio_saving(settings.keep_sound)
            if not have_same_captions(settings, slot.settings):
                self._reopen_stream(slot, engine, settings, self.audience.tee(slot.id, on_update))
            slot.settings = settings_only(settings)
        self.schedulers.close_idle()

    def finish(self, slot: SessionSlot, owner: object) -> None:
        """Makes all captions final and ends the session."""
        with slot.lock:
            require_owner(slot, owner)
            slot.stream.finish()
            self.audience.session_finished(slot.id)
            self._close(slot)

    def disconnect(self, slot: SessionSlot, owner: object) -> None:
        """Records that the connection is closed; the session waits for a new one."""
        with self._lock:
            if slot.owner is not owner or slot.closed:
                return
            slot.disconnected_at = time.monotonic()
            if slot.stream.is_empty and not self._is_closed:
                self.slow_executor.submit(self._discard_empty, slot)

    def _discard_empty(self, slot: SessionSlot) -> None:
        """Ends a session without a sample, and deletes its record, unless it has a connection again."""
        with slot.lock:
            if slot.disconnected_at is None or slot.closed or not slot.stream.is_empty:
                return
            try:
                SessionRecord(self._live, slot.id).delete_empty()  # before its place counts as free
            except (OSError, QalError) as error:
                LOG.warning("an empty session could not be deleted: %s", error)
            finally:
                self._close(slot)

    def delete(self, record: SessionRecord) -> None:
        """Deletes a session from memory and from disk. Raises BusyError while it has a connection."""
        slot = self._slots.get(record.folder.name)
        with slot.lock if slot else nullcontext():
            if slot and not slot.closed and slot.disconnected_at is None:
                raise BusyError("this session is being captioned; press Stop first")
            if slot and not slot.closed:
                self._close(slot)
            record.delete()

    def end(self, slot: SessionSlot) -> None:
        """Removes the session from memory."""
        with self._lock:
            if self._slots.get(slot.id) is slot:
                del self._slots[slot.id]
        slot.stream.close()
        self.audience.session_closed(slot.id)
        self.schedulers.close_idle()

    def close_abandoned_sessions(self) -> None:
        """Ends sessions without a connection since RECONNECT_TIMEOUT_S; their captions are final on disk first."""
        limit = time.monotonic() - RECONNECT_TIMEOUT_S
        with self._lock:
            abandoned = waiting_since(self._slots.values(), limit)
        for slot in abandoned:
            with slot.lock:
                if slot.disconnected_at is not None:  # the client has not reconnected in the meantime
                    self._close_abandoned(slot)

    def _close_abandoned(self, slot: SessionSlot) -> None:
        """Finishes and ends a session, whatever its engine or disk raise; the caller holds the lock of the slot."""
        try:
            slot.stream.finish()
        except Exception as error:
            LOG.warning(
                "an abandoned session could not be finished: %s", error, exc_info=not isinstance(error, QalError)
            )
        self._close(slot)

    def start_maintenance(self, kept_days: float) -> None:
        """Closes abandoned sessions and deletes records older than `kept_days`, now and every minute."""
        self._maintenance_timer = threading.Timer(MAINTENANCE_INTERVAL_S, self.start_maintenance, [kept_days])
        self._maintenance_timer.daemon = True
        self._maintenance_timer.start()
        self.schedulers.report_hanging_engines()
        self.close_abandoned_sessions()
        delete_old_sessions(self._live, kept_days, active=set(self._slots))

    def close(self) -> None:
        """Ends all sessions and threads."""
        if self._maintenance_timer:
            self._maintenance_timer.cancel()
        with self._lock:
            self._is_closed = True
        for slot in list(self._slots.values()):
            with slot.lock:
                self.end(slot)
        self.packet_executor.shutdown(wait=False)
        self.slow_executor.shutdown(wait=False)
        self.disk_executor.shutdown(wait=False)

    def __len__(self) -> int:
        return len(self._slots)

    def _get_engine(self, settings: SettingsMessage) -> Engine:
        if settings.model not in self._offered():
            raise ModelError(f"this server does not offer the model '{settings.model}'; choose one of the list")
        engine = self._engines.get(settings.model, self._runs)
        settings.require_possible(engine)
        return engine

    def _open_stream(
        self,
        engine: Engine,
        settings: SettingsMessage,
        record: SessionRecord,
        on_update: UpdateCallback,
        first_sample: int,
    ) -> ResumableSession:
        """Creates the stream of a session."""
        names = set(SessionOptions.model_fields)  # the settings have some of them
        options = SessionOptions.model_validate(settings.model_dump(include=names))
        session = CaptionSession(settings.language or None, settings.gate, options, task=settings.task)
        with self.schedulers.scheduler_of(engine) as scheduler:
            return ResumableSession(
                record, scheduler, session, on_update, first_sample, settings.keep_sound, self.disk_executor
            )

    def _reopen_stream(
        self, slot: SessionSlot, engine: Engine, settings: SettingsMessage, on_update: UpdateCallback
    ) -> None:
        """Replaces the stream by one with other settings; the caller holds the lock of the slot."""
        old = slot.stream
        old.finish()
        old.close()
        record = SessionRecord(self._live, slot.id)
        slot.stream = self._open_stream(engine, settings, record, on_update, old.next_sample)
