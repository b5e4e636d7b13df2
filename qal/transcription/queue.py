"""The queue of files to transcribe: several at once, each with its state; an error of one stops no other.

A paused file gives its worker to the next one. Files are listed in transcripts/.queue, so that after a restart of the
server the unfinished ones are shown and can be continued. What is transcribed stands in the store."""

import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from pydantic import BaseModel, Field, ValidationError

from qal.engine.longform.batching import BatchingEngine
from qal.engine.longform.work import FileEngine
from qal.errors import OptionError, QalError, StorageError
from qal.storage import storage_errors
from qal.transcription.control import RunControl, TranscriptionStopped, always, unlimited
from qal.transcription.options import TranscriptionOptions
from qal.transcription.store import ENDED, State, StoredTranscript, TranscriptStore, write_safely
from qal.transcription.transcribe_source import FileProgress, transcribe_source

QUEUE_FOLDER = ".queue"  # in the folder of the store
RESTARTED = "the server was restarted; continue it to transcribe the rest"
LOG = logging.getLogger("qal")

LoadEngine = Callable[[TranscriptionOptions], FileEngine]


class QueuedFile(BaseModel, frozen=True):
    """A file of the queue."""

    id: str
    source: str = Field(description="path of the file")
    name: str = Field(description="that is shown, and that outputs are named like")
    options: TranscriptionOptions
    state: State = "waiting"
    reason: str = Field(default="", description="why it stopped or failed, in a sentence")
    key: str | None = Field(default=None, description="of the transcript; null: not known before the file was read")
    settled_s: float = 0.0
    duration_s: float | None = None
    eta_s: float | None = Field(default=None, description="time left, about")
    added: float = Field(default_factory=time.time, description="seconds since 1970")
    user: str | None = None


class TranscriptionQueue:
    """Transcribes files in threads of its own.

    Args:
        store: the transcripts, and the list of the queue.
        load_engine: loads the model of a file's options, or finds it in a cache; called in a worker.
        workers: files at the same time.
        may_run: False while live captions have pending requests; then files wait between two batches.
        max_batch: the largest batch now; see `RunControl`.
        on_change: called after each change of a file, without a lock held.
    """

    def __init__(
        self,
        store: TranscriptStore,
        load_engine: LoadEngine,
        workers: int = 1,
        may_run: Callable[[], bool] = always,
        max_batch: Callable[[], int | None] = unlimited,
        on_change: Callable[[QueuedFile], object] = lambda file: None,
    ):
        self.store = store
        self._load_engine, self._workers = load_engine, workers
        self._may_run, self._max_batch, self._on_change = may_run, max_batch, on_change
        self._changed = threading.Condition(threading.RLock())
        self._controls: dict[str, RunControl] = {}  # of the files that have a thread
        self._closed = False
        self._batching: WeakValueDictionary[int, BatchingEngine] = WeakValueDictionary()
        self._writing = threading.Lock()
        self._written: dict[str, tuple[str, str | None]] = {}  # state and key of each file on disk
        self._files = {file.id: file for file in read_queue(store.folder)}  # in the order in which they were added

    def add(self, source: Path, options: TranscriptionOptions, name: str = "", user: str | None = None) -> QueuedFile:
        """Adds a file, which starts as soon as a worker is free.

        Raises OptionError after `close`, and StorageError."""
        file = QueuedFile(
            id=secrets.token_hex(8), source=str(source.absolute()), name=name or source.name, options=options, user=user
        )
        with self._changed:
            if self._closed:
                raise OptionError("the server is being stopped; try again after its start")
            self._files[file.id] = file
        self._write(file.id)
        self._start_waiting()
        return file

    def files(self) -> list[QueuedFile]:
        """Returns all files with their states, in the order in which they were added."""
        with self._changed:
            return list(self._files.values())

    def find(self, file_id: object) -> QueuedFile:
        """Returns a file. Raises OptionError if the id, which comes from a web page, is none."""
        with self._changed:
            file = self._files.get(file_id) if isinstance(file_id, str) else None
        if not file:
            raise OptionError("this file is no longer listed; reload the page")
        return file

    def transcript(self, file_id: object) -> StoredTranscript | None:
        """Returns the transcript of a file; None before it has one."""
        key = self.find(file_id).key
        return self.store.transcript(key) if key else None

    def pause(self, file_id: object) -> None:
        """Pauses a file that runs or waits; a running one finishes its batch first, and its worker is free then."""
        with self._changed:
            file = self.find(file_id)
            if file.state not in ("running", "waiting"):
                return
            if file.id in self._controls:
                self._controls[file.id].pause()
            self._set(file.id, state="paused")
        self._publish(file.id)
        self._start_waiting()

    def resume(self, file_id: object) -> None:
        """Continues a file that is paused, stopped, failed or was interrupted, as soon as a worker is free."""
        with self._changed:
            file = self.find(file_id)
            if file.state not in ("paused", "stopped", "failed"):
                return
            self._set(file.id, state="waiting", reason="", eta_s=None)
        self._publish(file.id)
        self._start_waiting()

    def stop(self, file_id: object) -> None:
        """Stops a file; what is settled is kept."""
        with self._changed:
            file = self.find(file_id)
            control = self._controls.get(file.id)
            if control:
                control.stop()  # its thread records the end
            elif file.state not in ENDED:
                self._set(file.id, state="stopped", eta_s=None)
        self._publish(file.id)

    def pause_all(self) -> None:
        for file in reversed(self.files()):  # the waiting ones first, so that none starts in between
            self.pause(file.id)

    def resume_all(self) -> None:
        """Continues the files that are paused."""
        for file in self.files():
            if file.state == "paused":
                self.resume(file.id)

    def stop_all(self) -> None:
        for file in reversed(self.files()):
            self.stop(file.id)

    def remove(self, file_id: object) -> None:
        """Removes a file from the list; its transcript is kept. Raises OptionError while it is being transcribed."""
        with self._changed:
            file = self.find(file_id)
            if file.id in self._controls:
                raise OptionError("this file is being transcribed; stop it first")
            del self._files[file.id]
        with self._writing:  # a change of its state may still be about to be written
            _path(self.store.folder, file.id).unlink(missing_ok=True)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits until no file runs or waits. Returns False after timeout_s."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_busy(), timeout_s)

    def close(self) -> None:
        """Stops all files and waits for their threads; they can be continued."""
        with self._changed:
            self._closed = True
            for control in self._controls.values():
                control.stop()
            self._changed.wait_for(lambda: not self._controls)

    def _is_busy(self) -> bool:
        return any(file.state in ("running", "waiting") for file in self._files.values())

    def _start_waiting(self) -> None:
        """Gives free workers to the files that wait, in order."""
        started = []
        with self._changed:
            free = self._workers - sum(file.state == "running" for file in self._files.values())
            waiting = [file for file in self._files.values() if file.state == "waiting"]
            for file in waiting[: max(0, free)] if not self._closed else []:
                self._set(file.id, state="running")
                started.append(file.id)
                if file.id in self._controls:
                    self._controls[file.id].resume()
                else:
                    control = self._controls[file.id] = RunControl(self._may_run, self._max_batch)
                    name = f"transcription-{file.id}"
                    threading.Thread(target=self._run, args=(file, control), daemon=True, name=name).start()
        for file_id in started:
            self._publish(file_id)

    def _run(self, file: QueuedFile, control: RunControl) -> None:
        """Transcribes a file in its thread; every error becomes the file's."""
        changes: dict[str, Any] = {"state": "stopped"}  # also where the thread is interrupted
        try:
            transcript = self._transcribe(file, control)
            changes = transcript.state().model_dump(include={"key", "state", "reason", "settled_s", "duration_s"})
        except TranscriptionStopped:
            changes = {"state": "stopped"}
        except QalError as error:
            changes = {"state": "failed", "reason": str(error)}
        except Exception as error:
            LOG.exception("a file could not be transcribed")
            changes = {"state": "failed", "reason": f"an error in the program ({type(error).__name__}: {error})"}
        finally:
            with self._changed:
                self._controls.pop(file.id, None)
                self._set(file.id, eta_s=None, **changes)
            self._publish(file.id)
            self._start_waiting()

    def _transcribe(self, file: QueuedFile, control: RunControl) -> StoredTranscript:
        control.check()
        engine = self._in_common_batches(self._load_engine(file.options))

        def report(progress: FileProgress) -> None:
            with self._changed:
                self._set(file.id, **progress._asdict())
            self._publish(file.id)

        source = Path(file.source)
        return transcribe_source(source, engine, file.options, self.store, control, report, file.user, file.name)

    def _in_common_batches(self, engine: FileEngine) -> FileEngine:
        """Returns the engine that joins the utterances of all files that are transcribed with this one."""
        with self._changed:
            found = self._batching.get(id(engine))
            if found is None or found.engine is not engine:
                found = self._batching[id(engine)] = BatchingEngine(engine)
            return found

    def _set(self, file_id: str, **changes: Any) -> None:
        """Changes a file; `_changed` must be held."""
        if file_id in self._files:
            self._files[file_id] = self._files[file_id].model_copy(update=changes)
            self._changed.notify_all()

    def _publish(self, file_id: str) -> None:
        """Writes a file of the list to disk and calls `on_change`; a full disk stops no transcription by itself."""
        try:
            file = self._write(file_id)
        except StorageError as error:
            LOG.warning("the list of files could not be written: %s", error)
            return
        if file:
            self._on_change(file)

    def _write(self, file_id: str) -> QueuedFile | None:
        """Writes a file of the list if its state is not on disk yet. Returns it; None if it was removed."""
        with self._writing:
            file = self._files.get(file_id)
            if file and self._written.get(file_id) != (file.state, file.key):
                with storage_errors(str(self.store.folder)):
                    (self.store.folder / QUEUE_FOLDER).mkdir(parents=True, exist_ok=True)
                content = file.model_dump_json(indent=2, exclude={"eta_s"})
                write_safely(_path(self.store.folder, file.id), content.encode("utf-8", "replace"))
                self._written[file_id] = (file.state, file.key)
            return file


def read_queue(folder: Path) -> list[QueuedFile]:
    """Reads the list of an earlier queue; files that it had not finished are stopped ones."""
    found = []
    for path in (folder / QUEUE_FOLDER).glob("*.json"):
        try:
            file = QueuedFile.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            continue
        if file.state not in ENDED:
            file = file.model_copy(update={"state": "stopped", "reason": RESTARTED})
        found.append(file)
    return sorted(found, key=lambda file: file.added)


def _path(folder: Path, file_id: str) -> Path:
    return folder / QUEUE_FOLDER / f"{file_id}.json"
