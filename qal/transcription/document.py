"""The edited transcript: the segments that were transcribed, and a journal of what a person changed in them.

    transcripts/KEY/edits.jsonl    one line an operation, "undo" or "redo", appended

The journal is read from its start, so undo and redo work after a reload and in another browser. Nothing that was
transcribed is changed by it."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, TypeAdapter, ValidationError

from qal.engine.longform.segment import Segment
from qal.errors import OptionError
from qal.storage import require_regular, storage_errors
from qal.text.postprocessing.postprocess import postprocess
from qal.transcription.editing import Operation, apply_operation
from qal.transcription.options import OutputOptions
from qal.transcription.store import ENDED, StoredTranscript

EDITS_FILE = "edits.jsonl"
EDITS_LOCK = ".edits.lock"
MAX_EDITS = 100_000
NOT_ENDED = "this file is being transcribed; correct it when it is done, or stop it first"
REST_MISSING = "the channels of this file are apart and it is not done; continue it first, then correct it"


class Step(BaseModel, frozen=True, extra="forbid"):
    """Undo or redo, as a line of the journal."""

    kind: Literal["undo", "redo"]


JOURNAL_LINE: TypeAdapter[Operation | Step] = TypeAdapter(Operation | Step)


@dataclass(frozen=True)
class TranscriptEdits:
    """The operations that count, and those that were undone and can be done again (the next one last)."""

    done: tuple[Operation, ...] = ()
    undone: tuple[Operation, ...] = ()

    def after(self, line: Operation | Step) -> "TranscriptEdits":
        """Returns the edits after a line of the journal. A new operation forgets what was undone."""
        if not isinstance(line, Step):
            return TranscriptEdits((*self.done, line))
        if line.kind == "undo":
            return TranscriptEdits(self.done[:-1], (*self.undone, *self.done[-1:]))
        return TranscriptEdits((*self.done, *self.undone[-1:]), self.undone[:-1])

    def apply(self, segments: Sequence[Segment]) -> list[Segment]:
        """Returns the segments with all operations that count; one that no longer fits is left out."""
        edited = list(segments)
        for operation in self.done:
            try:
                edited = apply_operation(edited, operation)
            except OptionError:
                continue
        return edited


@dataclass(frozen=True)
class Document:
    """A transcript with its edits."""

    segments: tuple[Segment, ...]  # as edited
    edits: TranscriptEdits
    language: str | None  # the one with most speech; None without segments
    task: str = "transcribe"

    @property
    def can_undo(self) -> bool:
        return bool(self.edits.done)

    @property
    def can_redo(self) -> bool:
        return bool(self.edits.undone)

    def finished(self, options: OutputOptions) -> list[Segment]:
        """Returns the edited segments after post-processing; this is what downloads contain."""
        language = "en" if self.task == "translate" else None  # None: each segment's own
        return postprocess(self.segments, language, options.postprocessing)


def read_document(transcript: StoredTranscript) -> Document:
    """Reads a transcript with its edits; it may be of a file that is not done yet. Raises OptionError."""
    edits = read_edits(transcript.folder)
    segments = edits.apply(transcript.segments())
    return Document(tuple(segments), edits, most_spoken_language(segments), transcript.state().options.task)


def edit(transcript: StoredTranscript, operation: Operation) -> Document:
    """Applies an operation, which is on disk when this returns.

    Raises OptionError if it does not fit or the file is being transcribed, and StorageError."""
    return _append(transcript, operation)


def undo(transcript: StoredTranscript) -> Document:
    """Undoes the last operation; without one, nothing changes. Raises as `edit` does."""
    return _append(transcript, Step(kind="undo"))


def redo(transcript: StoredTranscript) -> Document:
    """Does again what was undone last; without it, nothing changes. Raises as `edit` does."""
    return _append(transcript, Step(kind="redo"))


def _append(transcript: StoredTranscript, line: Operation | Step) -> Document:
    require_editable(transcript)
    with _edits_lock(transcript.folder):
        edits, segments = read_edits(transcript.folder), transcript.segments()
        if isinstance(line, Step):
            if not (edits.done if line.kind == "undo" else edits.undone):
                return read_document(transcript)
        else:
            apply_operation(edits.apply(segments), line)  # raises if it does not fit
        _append_line(transcript.folder / EDITS_FILE, line)
        return read_document(transcript)


def require_editable(transcript: StoredTranscript) -> None:
    """Raises OptionError while segments that are still to come could move the ones that are edited."""
    state = transcript.state()
    if state.state not in ENDED:
        raise OptionError(NOT_ENDED)
    if state.state != "done" and state.options.sound.channels == "separate":
        raise OptionError(REST_MISSING)


def read_edits(folder: Path) -> TranscriptEdits:
    """Reads the journal; a line that a crash has torn is ignored."""
    try:
        lines = require_regular(folder / EDITS_FILE).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return TranscriptEdits()
    edits = TranscriptEdits()
    for line in lines:
        try:
            edits = edits.after(JOURNAL_LINE.validate_json(line))
        except ValidationError:
            continue
    return edits


def most_spoken_language(segments: Sequence[Segment]) -> str | None:
    """Returns the language with most speech; None without segments."""
    languages = spoken_languages(segments)
    return languages[0] if languages else None


def spoken_languages(segments: Sequence[Segment]) -> list[str]:
    """Returns the languages of the segments, the most spoken one first."""
    spoken_s: dict[str, float] = {}
    for segment in segments:
        spoken_s[segment.language] = spoken_s.get(segment.language, 0.0) + segment.end_s - segment.start_s
    return sorted(spoken_s, key=lambda language: -spoken_s[language])


@contextmanager
def _edits_lock(folder: Path) -> Iterator[None]:
    """Waits until no other request edits the transcript."""
    with storage_errors(str(folder)), (folder / EDITS_LOCK).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _append_line(path: Path, line: Operation | Step) -> None:
    """Appends a line; a torn line before it is removed. Raises StorageError."""
    with storage_errors(str(path)), path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        if content.count(b"\n") >= MAX_EDITS:
            raise OptionError(f"this transcript has {MAX_EDITS} corrections, the maximum; transcribe the file again")
        file.write(json.dumps(line.model_dump(mode="json")).encode() + b"\n")
