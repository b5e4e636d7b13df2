"""Transcribes one file into a store: what is settled is on disk at once, and an interrupted file is continued there."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.sound_file import SoundFile
from qal.engine.longform.segment import Segment
from qal.engine.longform.settled import Settled
from qal.engine.longform.stream import transcribe_stream
from qal.engine.longform.work import FileEngine
from qal.errors import QalError
from qal.transcription.control import ControlledEngine, RunControl, TranscriptionStopped
from qal.transcription.identity import content_hash, engine_identity, transcript_key
from qal.transcription.options import TranscriptionOptions
from qal.transcription.store import (
    SettledLine,
    StoredTranscript,
    TranscriptState,
    TranscriptStore,
    TranscriptWriter,
    transcript_writer,
)

NO_SPEECH = "no speech was found; check that the file contains speech and is loud enough"


class FileProgress(NamedTuple):
    """How far a file is."""

    key: str
    settled_s: float  # everything before this time is transcribed
    duration_s: float | None  # None: not known
    eta_s: float | None  # time left, about; None: not known yet


ProgressCallback = Callable[[FileProgress], object]


def no_progress(progress: FileProgress) -> None:
    """Ignores progress."""


def transcribe_source(
    source: Path,
    engine: FileEngine,
    options: TranscriptionOptions,
    store: TranscriptStore,
    control: RunControl | None = None,
    progress: ProgressCallback = no_progress,
    user: str | None = None,
    name: str = "",
) -> StoredTranscript:
    """Transcribes a file, or the rest of it; a file that is done is not transcribed again.

    The state of the result is "done", or "stopped" after a stop was requested with `control`.

    Args:
        source: audio or video.
        engine: the model that `options.model` names, loaded.
        options: all that decides the text.
        store: the transcripts.
        control: pauses and stops it, and lets live captions go first.
        progress: called at the start, and after each stretch.
        user: who started it.
        name: shown instead of the file's name, for uploads.

    Raises:
        QalError: it failed; the reason stands in its state, and what is settled is kept.
        TranscriptionStopped: a stop was requested before the file could be identified.
        BaseException: it was interrupted; the transcript then is a stopped one.
    """
    control = control or RunControl()
    content = content_hash(source, control.raise_if_stopped)
    transcript = store.transcript(transcript_key(content, options, engine_identity(engine)))
    path = os.fsencode(source.absolute()).decode(errors="replace")
    new = TranscriptState(
        key=transcript.key,
        source=path,
        name=name or os.fsencode(source.name).decode(errors="replace"),
        content_sha256=content,
        model=options.model,
        options=options,
        user=user,
    )
    with transcript_writer(transcript, new, control.raise_if_stopped) as writer:
        if not Path(writer.state.source).is_file():
            writer.update(source=path)  # it was moved or renamed
        if writer.state.state != "done":
            _Run(source, engine, options, writer, control, progress).run()
    return transcript


@dataclass(frozen=True)
class _Run:
    """One run of a transcription, from where the last one ended."""

    source: Path
    engine: FileEngine
    options: TranscriptionOptions
    writer: TranscriptWriter
    control: RunControl
    progress: ProgressCallback

    def run(self) -> None:
        """Transcribes the rest and records how it ended. Raises as `transcribe_source` does."""
        began, before_s = time.monotonic(), self.writer.state.work_s
        self.control.on_pause = lambda is_paused: self.writer.update(state="paused" if is_paused else "running")
        self.writer.update(state="running", reason="", ended=None)

        def end(state: str, reason: str = "", **changes: object) -> None:
            work_s = before_s + time.monotonic() - began
            self.writer.update(state=state, reason=reason, work_s=work_s, ended=time.time(), **changes)

        try:
            duration_s = self._transcribe()
        except TranscriptionStopped:
            end("stopped")
        except QalError as error:
            end("failed", str(error))
            raise
        except Exception as error:
            end("failed", f"an error in the program ({type(error).__name__}: {error}); please report it")
            raise
        except BaseException:
            end("stopped")
            raise
        else:
            end("done", duration_s=duration_s, settled_s=duration_s)

    def _transcribe(self) -> float:
        """Returns the duration of the file."""
        sound = SoundFile(self.source, self.options.sound, self.options.language, self.control.check)
        channels = [None] if sound.channels == 1 else list(range(sound.channels))
        self.writer.update(duration_s=sound.declared_duration_s)
        engine = ControlledEngine(self.engine, self.control)
        blocks = CountedBlocks(sound.blocks(), len(channels))
        streams = [
            ChannelStream(self.writer.last_line(channel), samples)
            for channel, samples in zip(channels, blocks.of_channels, strict=True)
        ]
        running = [stream.transcribed(engine, self.options) for stream in streams]
        started_s, began = min(stream.settled_s for stream in streams), time.monotonic()
        self._report(started_s, started_s, 0.0, sound)
        while running:
            index = min(range(len(running)), key=lambda i: streams[i].settled_s)  # the one that is behind
            settled = next(running[index], None)
            if settled is None:
                del running[index], streams[index]
                continue
            self.writer.append(settled, streams[index].channel)
            streams[index].settled_s = settled.settled_s
            settled_s = min(stream.settled_s for stream in streams)
            self._report(settled_s, started_s, time.monotonic() - began, sound)
        self._note_what_was_left_out(sound)
        return blocks.duration_s

    def _report(self, settled_s: float, started_s: float, took_s: float, sound: SoundFile) -> None:
        self.writer.update(settled_s=settled_s, notes=tuple(sound.notes))
        duration_s = sound.declared_duration_s
        progress = FileProgress(
            self.writer.state.key, settled_s, duration_s, eta_s(settled_s, started_s, took_s, duration_s)
        )
        self.progress(progress)

    def _note_what_was_left_out(self, sound: SoundFile) -> None:
        has_text = any(StoredTranscript(self.writer.folder).segments())
        self.writer.update(notes=(*sound.notes, *(() if has_text else (NO_SPEECH,))))


def eta_s(settled_s: float, started_s: float, took_s: float, duration_s: float | None) -> float | None:
    """Returns the time left, from the speed since the start of this run; None if it is not known."""
    done_s = settled_s - started_s
    if not duration_s or done_s <= 0:
        return None
    return max(0.0, duration_s - settled_s) * took_s / done_s


class CountedBlocks:
    """The blocks of a file for each of its channels, decoded once; a channel may be ahead of another one."""

    def __init__(self, blocks: Iterator[Samples], channels: int):
        self._samples = 0
        copies = itertools.tee(self._counted(blocks), channels)  # a block is freed when all channels have read it
        self.of_channels = [_channel(copy, index) for index, copy in enumerate(copies)]

    @property
    def duration_s(self) -> float:
        """Duration of what was decoded."""
        return self._samples / SAMPLE_RATE

    def _counted(self, blocks: Iterator[Samples]) -> Iterator[Samples]:
        for block in blocks:
            self._samples += block.shape[1]
            yield block


def _channel(blocks: Iterator[Samples], index: int) -> Iterator[Samples]:
    return (block[index] for block in blocks)


class ChannelStream:
    """One channel of a file, and how far it is transcribed."""

    def __init__(self, last: SettledLine, blocks: Iterator[Samples]):
        self.settled_s, self.channel = last.settled_s, last.channel
        self._blocks, self._continuation = blocks, last.continuation

    def transcribed(self, engine: ControlledEngine, options: TranscriptionOptions) -> Iterator[Settled]:
        """Transcribes what is not settled yet."""
        blocks = skip_samples(self._blocks, round(self.settled_s * SAMPLE_RATE))
        stretches = transcribe_stream(
            engine,
            blocks,
            options.language,
            options.task,
            options.decoding,
            options.longform,
            self.settled_s,
            self._continuation,
        )
        return (replace(found, segments=[self._of_channel(s) for s in found.segments]) for found in stretches)

    def _of_channel(self, segment: Segment) -> Segment:
        return segment if self.channel is None else replace(segment, channel=self.channel)


def skip_samples(blocks: Iterator[Samples], n: int) -> Iterator[Samples]:
    """Yields blocks without their first n samples."""
    for block in blocks:
        if n < len(block):
            yield block[n:] if n else block
        n = max(0, n - len(block))
