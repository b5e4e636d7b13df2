"""Corrected segments with their sound, added to a dataset of corrections."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qal.audio.samples import SAMPLE_RATE, Samples
from qal.audio.sound_file import SoundFile
from qal.corpus.corrections import Correction, add_correction, checked_text, corrections_folder
from qal.engine.longform.segment import Segment
from qal.errors import CorpusError, OptionError
from qal.transcription.document import read_document
from qal.transcription.store import StoredTranscript, TranscriptState

MARGIN_S = 0.2  # of sound before and after a segment, where no other segment is
MAX_ROW_S = 29.5  # of a row; a longer one does not fit into the model's window
HASH_DIGITS = 16


class SampleRange(NamedTuple):
    """A part [start, end) of a file, in samples."""

    start: int
    end: int


class AddedRows(NamedTuple):
    """The rows that were added to a dataset, and the segments that were left out."""

    corpus: str
    added: int
    left_out: tuple[str, ...]  # a sentence for each segment that was not


def add_segments(
    data: Path, corpus: str, transcript: StoredTranscript, numbers: Sequence[int], source: Path | None = None
) -> AddedRows:
    """Adds segments of a transcript, as corrected, with their sound as rows of data/<corpus>.

    A segment that is added again replaces its row.

    Args:
        data: the folder of datasets.
        corpus: name of a dataset of corrections; it is made if it does not exist.
        transcript: the transcript.
        numbers: of the segments, from 0, as they are after the edits.
        source: the file, if it is no longer where it was.

    Raises:
        OptionError: the file is gone, its text is a translation, or there is no such segment.
        AudioDecodeError, CorpusError, StorageError."""
    corrections_folder(data, corpus)
    state = transcript.state()
    source = source or Path(state.source)
    if state.options.task != "transcribe":
        raise OptionError("this text is a translation; only texts in the spoken language can be added to a dataset")
    if not source.is_file():
        raise OptionError(f"{state.name} is no longer on this machine; transcribe it again to add its segments")
    segments = read_document(transcript).segments
    if any(not 0 <= number < len(segments) for number in numbers):
        raise OptionError("there is no such segment; reload the page")
    chosen, left_out = [], []
    for number in sorted(set(numbers)):
        problem = _problem(segments[number])
        left_out += [f"segment {number + 1}: {problem}"] if problem else []
        chosen += [] if problem else [number]
    ranges = [sound_range(segments, number) for number in chosen]
    channels = [segments[number].channel for number in chosen]
    for number, samples in zip(chosen, cut_ranges(source, state, ranges, channels), strict=True):
        segment = segments[number]
        name = row_name(state.content_sha256, segment)
        add_correction(data, corpus, Correction(name, samples, segment.text, segment.language))
    return AddedRows(corpus, len(chosen), tuple(left_out))


def _problem(segment: Segment) -> str | None:
    """Returns why a segment cannot be a row."""
    if segment.end_s - segment.start_s > MAX_ROW_S:
        return f"longer than {MAX_ROW_S:g} s; split it first"
    try:
        checked_text(segment.text)
    except CorpusError as error:
        return str(error)
    return None


def row_name(content_sha256: str, segment: Segment) -> str:
    """Returns the name of a segment's row, the same whenever the segment begins at the same time."""
    channel = "" if segment.channel is None else f"-{segment.channel}"
    return f"{content_sha256[:HASH_DIGITS]}{channel}-{round(segment.start_s * 1000):09}"


def sound_range(segments: Sequence[Segment], number: int) -> SampleRange:
    """Returns a segment's part of its file, with a margin that reaches into no other segment of its channel."""
    segment = segments[number]
    others = [s for i, s in enumerate(segments) if i != number and s.channel == segment.channel]
    before_s = max((s.end_s for s in others if s.start_s <= segment.start_s), default=0.0)
    after_s = min((s.start_s for s in others if s.start_s > segment.start_s), default=float("inf"))
    start_s = min(segment.start_s, max(segment.start_s - MARGIN_S, before_s, 0.0))
    end_s = max(segment.end_s, min(segment.end_s + MARGIN_S, after_s))
    return SampleRange(round(start_s * SAMPLE_RATE), round(end_s * SAMPLE_RATE))


def cut_ranges(
    source: Path, state: TranscriptState, ranges: Sequence[SampleRange], channels: Sequence[int | None]
) -> Iterator[Samples]:
    """Yields parts of a file, which are in order of their starts, in one pass; channel None is the mixed sound."""
    sound = SoundFile(source, state.options.sound, state.options.language)
    kept: list[np.ndarray] = []  # blocks from position `first` of the file
    first, blocks = 0, sound.blocks()
    for part, channel in zip(ranges, channels, strict=True):
        while kept and first + kept[0].shape[1] <= part.start:
            first += kept.pop(0).shape[1]
        while first + sum(block.shape[1] for block in kept) < part.end:
            block = next(blocks, None)
            if block is None:
                break
            kept.append(block)
            if len(kept) > 1 and first + kept[0].shape[1] <= part.start:
                first += kept.pop(0).shape[1]
        joined = np.concatenate([block[channel or 0] for block in kept] or [np.zeros(0, np.float32)])
        yield joined[max(0, part.start - first) : max(0, part.end - first)]
