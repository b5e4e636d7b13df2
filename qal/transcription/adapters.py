"""Stand-ins for the sound of a file, its transcription as a stream, cues and post-processing."""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qal.audio.blocks import read_audio_format, read_blocks
from qal.audio.decode import MAX_DURATION_S, Check, no_check
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.sound_choice import SoundChoice
from qal.engine.decoding import DecodingOptions
from qal.engine.longform.options import LongformOptions
from qal.engine.longform.segment import Segment
from qal.engine.longform.transcription import FileEngine, transcribe_file
from qal.engine.words import move_words
from qal.text.postprocessing.options import PostprocessingOptions
from qal.text.subtitles.formats import SUBTITLE_FORMATS
from qal.text.subtitles.rules import SubtitleRules

STRETCH_S = 60
MIXED = SoundChoice()


class SoundFile:
    """The mixed sound of a file, block by block."""

    def __init__(self, path: Path, choice: SoundChoice = MIXED, language: str | None = None, check: Check = no_check):
        self._path, self._check = path, check
        self.declared_duration_s: float | None = read_audio_format(path).declared_duration_s or None
        self.channels = 1
        self.notes: list[str] = []

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Yields (1, n) at 16 kHz."""
        for block in read_blocks(self._path, MAX_DURATION_S, self._check):
            yield block.samples[None]


@dataclass(frozen=True)
class Continuation:
    """What a transcription that is resumed takes over from the one before."""

    language: str | None = None
    previous_text: str = ""


NO_CONTINUATION = Continuation()


@dataclass(frozen=True)
class Settled:
    """Segments in order of time; everything before settled_s is complete."""

    segments: list[Segment]
    settled_s: float
    continuation: Continuation = NO_CONTINUATION


def transcribe_stream(
    engine: FileEngine,
    blocks: Iterable[Samples],
    language: str | None,
    task: str,
    decoding: DecodingOptions,
    options: LongformOptions,
    resume_at_s: float = 0.0,
    continuation: Continuation = NO_CONTINUATION,
) -> Iterator[Settled]:
    """Transcribes stretches of STRETCH_S."""
    start_s, pending = resume_at_s, []
    for block in blocks:
        pending.append(block)
        if sum(map(len, pending)) >= STRETCH_S * SAMPLE_RATE:
            samples = np.concatenate(pending)
            yield _settled(transcribe_file(engine, samples, language, task, decoding, options), samples, start_s)
            start_s, pending = start_s + len(samples) / SAMPLE_RATE, []
    samples = np.concatenate([np.zeros(0, np.float32), *pending])
    yield _settled(transcribe_file(engine, samples, language, task, decoding, options), samples, start_s)


def _settled(segments: list[Segment], samples: Samples, start_s: float) -> Settled:
    moved = [
        dataclasses.replace(s, start_s=s.start_s + start_s, end_s=s.end_s + start_s, words=move_words(s.words, start_s))
        for s in segments
    ]
    return Settled(moved, start_s + len(samples) / SAMPLE_RATE)


def postprocess(segments: Sequence[Segment], language: str | None, options: PostprocessingOptions) -> list[Segment]:
    return list(segments)


def format_segments(form: str, segments: Sequence[Segment], rules: SubtitleRules) -> bytes:
    return SUBTITLE_FORMATS[form].format_cues(segments).encode()


def longform_with(longform: LongformOptions, changes: dict[str, object]) -> LongformOptions:
    """Changes the fields that exist."""
    return longform.model_copy(update={k: v for k, v in changes.items() if k in LongformOptions.model_fields})


def subtitle_preset(name: str) -> SubtitleRules:
    """Finds the rules of a preset."""
    return SubtitleRules()
