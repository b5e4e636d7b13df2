"""Subtitle tracks inside a video: those that hold text are read as cues; those that hold pictures are named."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from av.stream import Disposition
from av.subtitles.subtitle import AssSubtitle

from qal.audio.decoding.opening import decode_errors, open_audio
from qal.audio.holes import start_of
from qal.corpus.importers.timed.cues import MAX_FILE_BYTES, Cue
from qal.errors import AudioDecodeError, CorpusError
from qal.text.languages import resolve_language

VIDEO_SUFFIXES = (".mkv", ".mka", ".mp4", ".m4v", ".mov", ".webm")  # of containers that may hold such tracks
DIALOGUE_FIELDS = 9  # number, layer, style, name, three margins, effect, text
DRAWING = r"{\p1}"
LINE_BREAKS = ((r"\N", "\n"), (r"\n", "\n"), (r"\h", " "))
NO_CUES = "its subtitle track has no cues; put a file of subtitles, such as {}.srt, beside it"
PICTURES = (
    "its subtitles are pictures ({codecs}), which hold no text; put a file of subtitles with text, such as {stem}.srt, "
    "beside it"
)


@dataclass(frozen=True)
class SubtitleTrack:
    """A subtitle track of a file."""

    index: int  # among the subtitle tracks of the file
    codec: str  # FFmpeg's name
    is_text: bool
    language: str = ""  # language code; "" if it is not stated or unknown
    is_forced: bool = False  # holds only what is spoken in another language than the film


def subtitle_tracks(path: Path) -> Sequence[SubtitleTrack]:
    """Returns the subtitle tracks of a file; () if it is no video with sound. The result is kept for the next call."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return _tracks(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4096)
def _tracks(path: Path, _size: int, _modified_ns: int) -> Sequence[SubtitleTrack]:
    try:
        with decode_errors(path), open_audio(path) as container:
            return tuple(_track(i, stream) for i, stream in enumerate(container.streams.subtitles))
    except AudioDecodeError:
        return ()


def _track(index: int, stream: Any) -> SubtitleTrack:
    context = stream.codec_context
    return SubtitleTrack(
        index=index,
        codec=context.codec.canonical_name if context else "unknown",
        is_text=bool(context and context.codec.text_sub),
        language=resolve_language(stream.language or "") or "",
        is_forced=bool(stream.disposition & Disposition.forced),
    )


def pictures_reason(path: Path, tracks: Sequence[SubtitleTrack]) -> str:
    """Returns the sentence for a file all of whose subtitle tracks are pictures."""
    codecs = ", ".join(dict.fromkeys(track.codec for track in tracks))
    return PICTURES.format(codecs=codecs, stem=path.stem)


def read_track(path: Path, index: int) -> list[Cue]:
    """Reads a subtitle track with text; times count from the start of the file, as those of its sound do.

    Args:
        path: the file.
        index: of the track, among its subtitle tracks.

    Raises:
        AudioDecodeError: the file cannot be read.
        CorpusError: the track has no cues, or more than anybody can read."""
    cues, size = [], 0
    for start_s, end_s, dialogue in _dialogues(path, index):
        size += len(dialogue)
        if size > MAX_FILE_BYTES:
            raise CorpusError(NO_CUES.format(path.stem))
        *_, name, _, _, _, _, text = ("", *dialogue.split(",", DIALOGUE_FIELDS - 1))
        for code, plain in LINE_BREAKS:
            text = text.replace(code, plain)
        if DRAWING not in text and text.strip():
            cues.append(Cue(len(cues) + 1, start_s, end_s, text.strip(), name.strip()))
    if not cues:
        raise CorpusError(NO_CUES.format(path.stem))
    return cues


def _dialogues(path: Path, index: int) -> Iterator[tuple[float, float, str]]:
    """Yields the start and end of each cue, in seconds, and its line in the form of SubStation Alpha."""
    with decode_errors(path), open_audio(path) as container:
        origin_s = start_of(container) or 0.0
        for packet in container.demux(container.streams.subtitles[index]):
            if packet.pts is None or not packet.size:
                continue
            start_s = float(packet.pts * packet.time_base) - origin_s
            end_s = start_s + float((packet.duration or 0) * packet.time_base)
            parts: list[Any] = packet.decode()
            for part in parts:
                if isinstance(part, AssSubtitle):
                    yield start_s, end_s, part.ass.decode("utf-8", errors="surrogateescape")
