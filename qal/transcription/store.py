"""Stores transcripts on disk. Their key is made of the content of their file and of the options.

    transcripts/KEY/state.json       the file, the options, the state and how far it is
    transcripts/KEY/segments.jsonl   a line for each stretch that is settled, appended as it is transcribed
    transcripts/KEY/edits.jsonl      the journal of the editor (qal.transcription.document)
    transcripts/KEY/.lock            locked by the thread or process that transcribes

segments.jsonl alone decides where an interrupted transcription goes on, so that no crash can make the two files
disagree. Other processes may read all files at any time."""

import fcntl
import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from qal.engine.longform.segment import Segment
from qal.engine.longform.settled import Continuation, Settled
from qal.errors import OptionError
from qal.storage import require_regular, storage_errors
from qal.transcription.options import TranscriptionOptions

STATE_FILE = "state.json"
SEGMENTS_FILE = "segments.jsonl"
LOCK_FILE = ".lock"
KEY = re.compile(r"[0-9a-f]{32}")
LOCK_POLL_S = 0.2
INTERRUPTED = "it was interrupted; continue it to transcribe the rest"
DAMAGED = "its segments are damaged; continue it to transcribe what is missing"

State = Literal["waiting", "running", "paused", "stopped", "done", "failed"]
ENDED: tuple[State, ...] = ("stopped", "done", "failed")


class TranscriptState(BaseModel, frozen=True):
    """Contents of state.json."""

    key: str
    source: str = Field(description="absolute path of the file when it was last transcribed")
    name: str = Field(description="file name that is shown, and that outputs are named like")
    content_sha256: str
    model: str = Field(description="the model, as it was asked for")
    options: TranscriptionOptions
    state: State = "waiting"
    reason: str = Field(default="", description="why it stopped or failed, in a sentence")
    notes: tuple[str, ...] = Field(default=(), description="sentences about the sound: what was left out, the track")
    settled_s: float = Field(default=0.0, ge=0, description="everything before this time is transcribed")
    duration_s: float | None = Field(default=None, description="of the file; null: not known yet")
    segments_bytes: int | None = Field(default=None, description="size of segments.jsonl when the file was done")
    work_s: float = Field(default=0.0, ge=0, description="time that the transcription has taken")
    created: float = Field(default_factory=time.time, description="seconds since 1970")
    ended: float | None = None
    user: str | None = Field(default=None, description="who started it; null: the page has no login")


class TranscriptStore:
    """A folder of transcripts."""

    def __init__(self, folder: Path):
        self.folder = folder

    def transcript(self, key: object) -> "StoredTranscript":
        """Returns the transcript of a key, which may not exist yet. Raises OptionError if the key is none."""
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise OptionError("this transcript is no longer listed; reload the page")
        return StoredTranscript(self.folder / key)

    def all(self) -> list["StoredTranscript"]:
        """Returns the transcripts, the newest first; folders without a readable state.json are left out."""
        folders = self.folder.iterdir() if self.folder.is_dir() else ()
        found = [StoredTranscript(folder) for folder in folders if KEY.fullmatch(folder.name)]
        states = [(transcript.find_state(), transcript) for transcript in found]
        dated = [(state.created, transcript) for state, transcript in states if state]
        return [transcript for _, transcript in sorted(dated, key=lambda pair: -pair[0])]

    def unfinished(self) -> list["StoredTranscript"]:
        """Returns the transcripts that can be continued, the newest first."""
        return [found for found in self.all() if found.state().state in ("stopped", "failed")]

    def delete(self, key: object) -> None:
        """Deletes a transcript. Raises OptionError while it is being transcribed."""
        transcript = self.transcript(key)
        if transcript.is_being_written():
            raise OptionError("this file is being transcribed; stop it first")
        shutil.rmtree(transcript.folder, ignore_errors=True)


class StoredTranscript:
    """One transcript of a store."""

    def __init__(self, folder: Path):
        self.folder = folder

    @property
    def key(self) -> str:
        return self.folder.name

    def find_state(self) -> TranscriptState | None:
        """Returns the state; None if there is no readable one.

        A transcript whose process has died is a stopped one, and so is a done one whose segments are damaged."""
        try:
            text = require_regular(self.folder / STATE_FILE).read_bytes()
            found = TranscriptState.model_validate_json(text)
        except (OSError, ValidationError):
            return None
        if found.state not in ENDED and not self.is_being_written():
            found = found.model_copy(update={"state": "stopped", "reason": INTERRUPTED})
        if found.state == "done" and found.segments_bytes not in (None, segments_bytes(self.folder)):
            found = found.model_copy(update={"state": "stopped", "reason": DAMAGED})
        return found

    def state(self) -> TranscriptState:
        """Returns the state. Raises OptionError if there is none."""
        found = self.find_state()
        if not found:
            raise OptionError("this transcript was deleted or is damaged; transcribe the file again")
        return found

    def is_done(self) -> bool:
        found = self.find_state()
        return bool(found and found.state == "done")

    def segments(self) -> list[Segment]:
        """Returns the segments that are settled, in order of time (and of channel, where channels are separate)."""
        segments = [segment for line in read_lines(self.folder) for segment in line.segments]
        return sorted(segments, key=lambda s: (s.start_s, s.channel or 0))

    def is_being_written(self) -> bool:
        """True while a thread or a process transcribes it."""
        try:
            with (self.folder / LOCK_FILE).open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def segments_bytes(folder: Path) -> int:
    """Returns the size of segments.jsonl; 0 if it is missing."""
    try:
        return (folder / SEGMENTS_FILE).stat().st_size
    except OSError:
        return 0


class SettledLine(BaseModel, frozen=True):
    """A line of segments.jsonl: the segments of a channel up to a time."""

    settled_s: float
    channel: int | None = None  # None: the channels are mixed
    segments: tuple[Segment, ...] = ()
    continuation: Continuation = Continuation()


def read_lines(folder: Path) -> list[SettledLine]:
    """Reads segments.jsonl; a last line that a crash has torn is ignored, and so is everything after a damaged line."""
    try:
        lines = require_regular(folder / SEGMENTS_FILE).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    found: list[SettledLine] = []
    for line in lines:
        try:
            found.append(SettledLine.model_validate_json(line))
        except ValidationError:
            break
    return found


@contextmanager
def transcript_writer(
    transcript: StoredTranscript, new: TranscriptState, check: Callable[[], object]
) -> Iterator["TranscriptWriter"]:
    """Locks a transcript for writing and makes its folder.

    Args:
        transcript: the transcript.
        new: its state where it does not exist yet.
        check: called while another thread or process writes the same transcript; it may raise to give up.

    Raises StorageError."""
    with storage_errors(str(transcript.folder)):
        transcript.folder.mkdir(parents=True, exist_ok=True)
        with (transcript.folder / LOCK_FILE).open("a") as file:
            while not _locked(file):
                check()
                time.sleep(LOCK_POLL_S)
            yield TranscriptWriter(transcript, transcript.find_state() or new)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class TranscriptWriter:
    """Writes a transcript whose lock is held. Each change is on disk when its method returns."""

    def __init__(self, transcript: StoredTranscript, state: TranscriptState):
        self.folder, self.state = transcript.folder, state
        self._lock = threading.Lock()
        lines = read_lines(self.folder)
        self._last = {line.channel: line for line in lines}
        self._cut_damaged(len(lines))

    def _cut_damaged(self, whole_lines: int) -> None:
        """Removes what follows the whole lines of segments.jsonl, so that new lines can be appended."""
        path = self.folder / SEGMENTS_FILE
        if path.exists():
            content = path.read_bytes().split(b"\n")
            kept = b"".join(line + b"\n" for line in content[:whole_lines])
            if kept != path.read_bytes():
                write_safely(path, kept)

    def last_line(self, channel: int | None = None) -> SettledLine:
        """Returns the last line of a channel: up to where it is complete, and what its next stretch takes over."""
        return self._last.get(channel, SettledLine(settled_s=0.0, channel=channel))

    def append(self, found: Settled, channel: int | None = None) -> None:
        """Appends the segments of a channel that end before a time. Raises StorageError."""
        content = {"channel": channel, **asdict(found)}
        with storage_errors(str(self.folder)), (self.folder / SEGMENTS_FILE).open("ab") as file:
            file.write(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self._last[channel] = SettledLine(settled_s=found.settled_s, channel=channel, continuation=found.continuation)

    def update(self, **changes: Any) -> TranscriptState:
        """Writes state.json with some fields changed."""
        with self._lock:
            self.state = self.state.model_copy(update=changes)
            content = json.dumps(self.state.model_dump(mode="json"), indent=2, ensure_ascii=False)
            write_safely(self.folder / STATE_FILE, content.encode("utf-8", "replace"))
            return self.state


def write_safely(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it, so that it is never incomplete. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")  # two processes may write the same file
    with storage_errors(str(path)):
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
