"""Converts candidates to rows: recordings are decoded once for all their parts, by several threads."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.audio.decoding.opening import Check, no_check
from qal.audio.holes import Hole
from qal.audio.samples import SAMPLE_RATE, Samples
from qal.cores import usable_cores
from qal.corpus.importers.conversion.cutting import Part, cut_parts
from qal.corpus.importers.conversion.journal import Converted
from qal.corpus.importers.conversion.names import describe_part, is_part, place_with_file
from qal.corpus.importers.conversion.reading import RecordingReader, samples_at
from qal.corpus.importers.conversion.writing import WrittenAudio, copy_wav, require_whole_wav, write_flac
from qal.corpus.importers.listing import AudioPiece, Candidate, Problem
from qal.corpus.manifest import Row
from qal.errors import AudioDecodeError

MAX_DECODERS = 4
WAITING_S = 0.5
JOBS_AHEAD = 4  # for each thread; more would hold more recordings of a Parquet file in memory
IS_DAMAGED = "its sound is damaged; copy or download the file again"
HAS_HOLE = "a part of its sound is missing in the file and is filled with silence"
PROVISIONAL_SPLIT = "train"  # until the corpus is split


@dataclass(frozen=True, slots=True)
class Item:
    """A candidate whose text and names were checked."""

    index: int  # position among the candidates of the source
    key: str  # of the journal
    size: int  # bytes of its recording
    candidate: Candidate
    language: str
    inner: str  # path of the recording in its source
    stem: str  # path of the new file in the corpus, without suffix


Recording = Sequence[Item]  # the parts of one recording, or the whole of it
Outcome = Converted | Problem
Done = Callable[[Item, Outcome], None]


def convert(jobs: Iterable[Sequence[Recording]], folder: Path, done: Done, check: Check = no_check) -> Iterator[int]:
    """Converts jobs and yields the number of recordings of each one that is finished, and 0 while one takes long.

    Args:
        jobs: recordings that one thread converts.
        folder: the corpus folder.
        done: called by a thread for every item as soon as it is converted.
        check: called often; an error that it raises stops the conversion."""
    workers = min(usable_cores(), MAX_DECODERS)
    stop = _Stop(check)
    with ThreadPoolExecutor(workers, thread_name_prefix="import") as pool:
        waiting: deque[tuple[Future[None], int]] = deque()
        try:
            for job in jobs:
                check()
                waiting.append((pool.submit(_convert_job, job, folder, done, stop), len(job)))
                while len(waiting) > workers * JOBS_AHEAD:
                    yield from _finish(waiting)
            while waiting:
                yield from _finish(waiting)
        finally:
            stop.requested = True
            for future, _ in waiting:
                future.cancel()


def _finish(waiting: "deque[tuple[Future[None], int]]") -> Iterator[int]:
    """Waits for the oldest job, and yields 0 twice a second until it is finished."""
    future, count = waiting.popleft()
    while not wait([future], timeout=WAITING_S).done:
        yield 0
    future.result()
    yield count


class _Stopped(Exception):
    """Ends a thread whose import was stopped."""


class _Stop:
    """Checks in the decoding threads whether the import is to stop."""

    def __init__(self, check: Check):
        self._check = check
        self.requested = False

    def __call__(self) -> Any:
        if self.requested:
            raise _Stopped
        return self._check()


def _convert_job(recordings: Sequence[Recording], folder: Path, done: Done, check: Check) -> None:
    for items in recordings:
        check()
        convert_recording(items, folder, done, check)


def convert_recording(items: Recording, folder: Path, done: Done, check: Check = no_check) -> None:
    """Converts all items of one recording and calls `done` for each."""
    if len(items) == 1 and (copied := _copied(items[0], folder)):
        done(items[0], copied)
        return
    open_items = dict(enumerate(items))
    try:
        for i, samples, notes in decode_parts([item.candidate for item in items], check):
            item = open_items.pop(i)
            is_missing = isinstance(samples, str)
            done(item, Problem(place_of(item), samples) if is_missing else _written(item, samples, notes, folder))
    except AudioDecodeError as error:
        for item in open_items.values():
            done(item, Problem(place_of(item), reason_of(error)))


def decode_parts(
    candidates: Sequence[Candidate], check: Check = no_check
) -> Iterator[tuple[int, Samples | str, Sequence[str]]]:
    """Decodes one recording and yields the index of each part, its samples and what was done to its channels.

    In place of the samples stands the reason for which a part cannot be cut out.

    Raises AudioDecodeError if the recording cannot be decoded; parts that were yielded before are sound."""
    first = candidates[0].audio
    channel = first.channel if isinstance(first, AudioPiece) else None
    parts = [_part(candidate) for candidate in candidates]
    if isinstance(first, AudioPiece) and any(part.end is None for part in parts):
        require_whole_wav(first.path)
    keeps_times = any(part.start or part.end is not None for part in parts)
    reader = RecordingReader(first, channel, keeps_times, check)
    for i, samples in cut_parts(reader.pieces(), parts):
        if _touches(parts[i], reader.damage):
            yield i, IS_DAMAGED, ()
            continue
        notes = [*reader.notes, *([HAS_HOLE] if _touches(parts[i], reader.holes) else [])]
        yield i, f"its part {samples}" if isinstance(samples, str) else samples, notes


def _touches(part: Part, holes: Sequence[Hole]) -> bool:
    """True if a part contains silence that was filled in, or what was left out."""
    end_s = float("inf") if part.end is None else part.end / SAMPLE_RATE
    return any(hole.end_s > part.start / SAMPLE_RATE and hole.start_s < end_s for hole in holes)


def _part(candidate: Candidate) -> Part:
    audio = candidate.audio
    if not isinstance(audio, AudioPiece):
        return Part(0, None)
    return Part(samples_at(audio.start_s), None if audio.end_s is None else samples_at(audio.end_s))


def _copied(item: Item, folder: Path) -> Outcome | None:
    audio = item.candidate.audio
    if is_part(audio):
        return None
    try:
        source = audio.path if isinstance(audio, AudioPiece) else audio.data
        written = copy_wav(source, folder / item.stem, item.inner)
    except AudioDecodeError as error:
        return Problem(place_of(item), reason_of(error))
    except OSError as error:
        if isinstance(audio, AudioPiece) and error.filename and Path(error.filename) == audio.path:
            return Problem(place_of(item), unreadable_reason(error))
        raise
    return Converted(_row(item, written, ()), written.size) if written else None


def _written(item: Item, samples: Samples, notes: Sequence[str], folder: Path) -> Outcome:
    try:
        written = write_flac(folder / item.stem, samples, item.inner)
    except AudioDecodeError as error:
        return Problem(place_of(item), reason_of(error))
    return Converted(_row(item, written, notes), written.size)


def _row(item: Item, written: WrittenAudio, notes: Sequence[str]) -> Row:
    candidate = item.candidate
    return Row(
        audio=f"{item.stem}{written.suffix}",
        text=candidate.text,
        language=item.language,
        speaker=candidate.speaker,
        duration_s=written.duration_s,
        split=PROVISIONAL_SPLIT,
        sha256=written.sha256,
        translation=candidate.translation,
        source=describe_part(candidate, item.inner) if is_part(candidate.audio) else "",
        notes=(*candidate.notes, *notes, *written.notes),
    )


def unreadable_reason(error: OSError) -> str:
    """Returns why a file of the source cannot be read."""
    if isinstance(error, FileNotFoundError):
        return "is no longer there; do not move the source while it is imported"
    return "cannot be read; check its permissions"


def place_of(item: Item) -> str:
    return place_with_file(item.candidate, item.inner)


def reason_of(error: AudioDecodeError) -> str:
    """Returns the message of an error without the name of the file."""
    name, colon, rest = str(error).partition(": ")
    return rest if colon else name
