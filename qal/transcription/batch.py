"""Transcribes many files and writes their texts: what is done is skipped, and an error of a file stops no other."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from qal.engine.longform.work import FileEngine
from qal.errors import QalError
from qal.transcription.control import RunControl, TranscriptionStopped
from qal.transcription.identity import content_hash, engine_identity, transcript_key
from qal.transcription.options import OutputOptions, TranscriptionOptions
from qal.transcription.outputs import Output, missing_formats, output_paths, render, write_outputs
from qal.transcription.store import StoredTranscript, TranscriptStore
from qal.transcription.transcribe_source import FileProgress, transcribe_source

STOP_POLL_S = 0.1
SUBMITTED_PER_WORKER = 2  # files; waiting for a few of them takes the same time for any number of files
ResultState = Literal["done", "skipped", "stopped", "failed"]


class BatchFile(NamedTuple):
    """A file of a batch, and the place of its outputs without the suffix of a format; None: none are written."""

    source: Path
    stem: Path | None = None


class FileResult(NamedTuple):
    """How a file of a batch ended."""

    file: BatchFile
    state: ResultState
    reason: str = ""  # why it was skipped or failed, in a sentence
    outputs: tuple[Output, ...] = ()
    transcript: StoredTranscript | None = None
    took_s: float = 0.0
    settled_s: float = 0.0


@dataclass(frozen=True)
class Batch:
    """The model, the options and the outputs that all files of a batch share.

    Args:
        engine: the model.
        options: all that decides the texts.
        store: the transcripts.
        formats: of the outputs.
        output: how they are written.
        overwrite: write over files that are there already.
        workers: files at the same time.
        on_progress: called after each stretch of a file.
        on_result: called when a file has ended, in the thread that calls `run`.
    """

    engine: FileEngine
    options: TranscriptionOptions
    store: TranscriptStore
    formats: Sequence[str] = ("txt",)
    output: OutputOptions = field(default_factory=OutputOptions)
    overwrite: bool = False
    workers: int = 1
    on_progress: Callable[[Path, FileProgress], object] = lambda source, progress: None
    on_result: Callable[[FileResult], object] = lambda result: None

    def run(self, files: Sequence[BatchFile], should_stop: Callable[[], bool] = lambda: False) -> list[FileResult]:
        """Transcribes the files and returns their results in the same order.

        After `should_stop` was True, the files that have not ended are stopped; the same call continues them."""
        run = _BatchRun(self)
        results: dict[int, FileResult] = {}
        with ThreadPoolExecutor(max(1, self.workers), "transcription") as pool:
            try:
                waiting = iter(enumerate(files))
                running: dict[Future[FileResult], int] = {}
                while len(results) < len(files):
                    for i, file in islice(waiting, SUBMITTED_PER_WORKER * max(1, self.workers) - len(running)):
                        running[pool.submit(run.transcribe, file)] = i
                    ended, _ = wait(running, STOP_POLL_S, "FIRST_COMPLETED")
                    if should_stop():
                        run.stop()
                    self._collect(ended, running, results)
            except BaseException:
                run.stop()
                raise
        return [results[i] for i in range(len(files))]

    def _collect(
        self, ended: set[Future[FileResult]], running: dict[Future[FileResult], int], results: dict[int, FileResult]
    ) -> None:
        for future in sorted(ended, key=running.__getitem__):
            number = running.pop(future)
            results[number] = future.result()
            self.on_result(results[number])


class _BatchRun:
    """The files of one call of `Batch.run`, with a control each."""

    def __init__(self, batch: Batch):
        self._batch = batch
        self._lock = threading.Lock()
        self._controls: set[RunControl] = set()
        self._is_stopped = False

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True
            for control in self._controls:
                control.stop()

    def transcribe(self, file: BatchFile) -> FileResult:
        """Transcribes a file and writes its outputs; every QalError becomes its result."""
        control, began = RunControl(), time.monotonic()
        with self._lock:
            if self._is_stopped:
                return FileResult(file, "stopped")
            self._controls.add(control)
        try:
            skipped = self._skipped(file, control)
            return skipped or self._transcribed(file, control, began)
        except TranscriptionStopped:
            return FileResult(file, "stopped")
        except QalError as error:
            return FileResult(file, "failed", str(error), took_s=time.monotonic() - began)
        finally:
            with self._lock:
                self._controls.discard(control)

    def _skipped(self, file: BatchFile, control: RunControl) -> FileResult | None:
        """Returns the result of a file whose outputs are all there; None if something is to be written."""
        batch = self._batch
        if file.stem is None or missing_formats(file.stem, batch.formats, batch.overwrite):
            return None
        content = content_hash(file.source, control.raise_if_stopped)
        key = transcript_key(content, batch.options, engine_identity(batch.engine))
        transcript = batch.store.transcript(key)
        paths = output_paths(file.stem, batch.formats)
        if not transcript.is_done():
            return FileResult(file, "skipped", _exists(list(paths.values()), is_same=False))
        title = file.stem.name
        others = [path for form, path in paths.items() if not _has(path, render(transcript, form, batch.output, title))]
        reason = _exists(others, is_same=False) if others else _exists(list(paths.values()), is_same=True)
        outputs = tuple(Output(path, "kept" if path in others else "same") for path in paths.values())
        return FileResult(file, "skipped", reason, outputs, transcript)

    def _transcribed(self, file: BatchFile, control: RunControl, began: float) -> FileResult:
        batch = self._batch

        def report(progress: FileProgress) -> None:
            batch.on_progress(file.source, progress)

        transcript = transcribe_source(file.source, batch.engine, batch.options, batch.store, control, report)
        state = transcript.state()
        took_s = time.monotonic() - began
        if state.state != "done":
            return FileResult(file, "stopped", "", (), transcript, took_s, state.settled_s)
        outputs: list[Output] = []
        if file.stem is not None:
            outputs = write_outputs(transcript, file.stem, batch.formats, batch.output, batch.overwrite)
        return FileResult(file, "done", "", tuple(outputs), transcript, took_s, state.settled_s)


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _exists(paths: Sequence[Path], is_same: bool) -> str:
    names = ", ".join(path.name for path in paths)
    exist = "exists" if len(paths) == 1 else "exist"
    if is_same:
        return f"{names} {exist} already, made from the same sound with the same options"
    return f"{names} {exist} already and was not written over; --overwrite replaces it"
