"""A scripted sound and a scripted transcription: a segment for every second, so that any cut is visible."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.engine.engine import Utterance
from qal.engine.longform.segment import Segment
from qal.engine.longform.settled import Continuation, Settled
from qal.engine.words import Word
from qal.errors import AudioDecodeError
from qal.transcription import transcribe_source as transcribe_source_module
from qal.transcription.options import TranscriptionOptions
from tests.fakes import ScriptedEngine
from tests.model_folders import model_directory

BLOCK_S = 5
NO_CONTINUATION = Continuation()
OPTIONS = TranscriptionOptions(model="scripted", language="en")


def segment(text: str, start_s: float = 0.0, end_s: float | None = None, language: str = "en") -> Segment:
    """A segment without words, one second long unless its end is given."""
    return Segment(start_s, start_s + 1 if end_s is None else end_s, text, language, -0.2, 0.01)


def spoken(text: str, start_s: float = 0.0, word_s: float = 0.5) -> Segment:
    """A segment with words of word_s each."""
    words = tuple(
        Word(f" {word}", start_s + i * word_s, start_s + (i + 1) * word_s, 0.8) for i, word in enumerate(text.split())
    )
    return Segment(start_s, start_s + len(words) * word_s, text, "en", -0.2, 0.01, words)


@dataclass
class FolderEngine(ScriptedEngine):
    """A scripted engine with the directory and the precision that identify a model."""

    directory: Path = Path()
    compute_type: str = "int8"
    device: str = "cpu"


class TextFileSound:
    """A sound as long as its file says: `SECONDS [CHANNELS]`; a file with another text cannot be decoded."""

    def __init__(self, path: Path, choice: object = None, language: object = None, check: Callable[[], object] = int):
        try:
            words = path.read_text().split()
            self._seconds, self.channels = int(words[0]), int(words[1])
        except ValueError as error:
            raise AudioDecodeError(f"{path.name}: not readable as audio") from error
        self._check = check
        self.declared_duration_s: float | None = float(self._seconds)
        self.notes: list[str] = []

    def blocks(self) -> Iterator[np.ndarray]:
        for start in range(0, self._seconds, BLOCK_S):
            self._check()
            n = min(BLOCK_S, self._seconds - start) * SAMPLE_RATE
            yield np.stack([np.arange(start * SAMPLE_RATE, start * SAMPLE_RATE + n, dtype=np.float32)] * self.channels)
        self.notes.append("the sound was scripted")


@dataclass
class ScriptedStream:
    """Replaces `transcribe_stream`: one engine call and one segment for each second. Records where it began."""

    resumed_at_s: list[float] = field(default_factory=list)
    continuations: list[Continuation] = field(default_factory=list)

    def __call__(
        self,
        engine: ScriptedEngine,
        blocks: Iterable[Samples],
        language: str | None,
        task: str,
        decoding: object,
        options: object,
        resume_at_s: float = 0.0,
        continuation: Continuation = NO_CONTINUATION,
    ) -> Iterator[Settled]:
        self.resumed_at_s.append(resume_at_s)
        self.continuations.append(continuation)
        position_s = resume_at_s
        for block in blocks:
            seconds = [block[i : i + SAMPLE_RATE] for i in range(0, len(block), SAMPLE_RATE)]
            engine.transcribe([Utterance(samples) for samples in seconds])
            starts = [position_s + i for i in range(len(seconds))]
            position_s += len(block) / SAMPLE_RATE
            yield Settled(
                [spoken(f"second {start:g}", start) for start in starts],
                position_s,
                Continuation("en", f"{position_s:g}"),
            )


def write_sound(path: Path, seconds: int, channels: int = 1, take: int = 0) -> Path:
    """Writes a file for `TextFileSound`; another take has another content and the same sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{seconds} {channels} {take}")
    return path


def texts(segments: Sequence[Segment]) -> list[str]:
    return [s.text for s in segments]


def use_scripted_streams(monkeypatch: pytest.MonkeyPatch) -> ScriptedStream:
    stream = ScriptedStream()
    monkeypatch.setattr(transcribe_source_module, "transcribe_stream", stream)
    monkeypatch.setattr(transcribe_source_module, "SoundFile", TextFileSound)
    return stream


def scripted_model(folder: Path) -> FolderEngine:
    return FolderEngine(directory=model_directory(folder))
