"""The audio tracks of a file, and which of them is used."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from av.audio import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from qal.errors import AudioDecodeError
from qal.text.languages import LANGUAGE_NAMES, resolve_language

AUTO = "auto"
NO_LANGUAGE = {"und", "mul", "mis", "zxx"}  # ISO 639-2: undetermined, several, uncoded, none
# Dispositions of tracks beside the main one.
COMMENTS = Disposition.comment | Disposition.visual_impaired | Disposition.hearing_impaired

MATROSKA, STATES_DURATION = "matroska,webm", ("mov,mp4,m4a,3gp,3g2,mj2", "flac", "aiff", "caf")  # FFmpeg's names
DURATION = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")


class SoundTrack(NamedTuple):
    """An audio track of a file, as the file describes it."""

    number: int  # from 1
    language: str  # Whisper's code, or another ISO code; "" if it is not stated
    title: str
    codec: str  # "" if FFmpeg does not know it
    rate_hz: int
    channels: int
    is_default: bool
    is_comment: bool  # spoken for the blind or the deaf, or about the film

    def __str__(self) -> str:
        words = [LANGUAGE_NAMES.get(self.language, self.language).capitalize(), self.title]
        details = ", ".join(filter(None, words))
        return f"{self.number} ({details})" if details else str(self.number)


def list_tracks(container: InputContainer) -> list[SoundTrack]:
    """Returns the audio tracks of a file in its order."""
    return [_track(i, stream) for i, stream in enumerate(container.streams.audio, 1)]


def _track(number: int, stream: AudioStream) -> SoundTrack:
    is_known = stream.codec_context is not None
    return SoundTrack(
        number=number,
        language=_code_of(stream.language),
        title=" ".join(stream.metadata.get("title", "").split()),
        codec=stream.codec_context.codec.canonical_name if is_known else "",
        rate_hz=(stream.rate or 0) if is_known else 0,
        channels=stream.layout.nb_channels if is_known else 0,
        is_default=bool(stream.disposition & Disposition.default),
        is_comment=bool(stream.disposition & COMMENTS),
    )


def _code_of(language: str | None) -> str:
    code = (resolve_language(language) or "") if language else ""
    return "" if code in NO_LANGUAGE else code


def choose_track(tracks: Sequence[SoundTrack], track: str, language: str | None, path: Path) -> SoundTrack:
    """Returns the track that is used.

    Args:
        tracks: those of the file, at least one.
        track: a number from 1, a language, or AUTO: the track in the language, else the default one, else the first.
        language: of the speech; None: not known.
        path: the file, for messages.

    Raises:
        AudioDecodeError: there is no such track, or its codec is not known."""
    chosen = _matching(tracks, track, language)
    if not chosen:
        names = ", ".join(map(str, tracks))
        raise AudioDecodeError(f"{path.name}: has no audio track {track}; choose one of: {names}")
    best = min(chosen, key=lambda candidate: (not candidate.codec, candidate.is_comment, not candidate.is_default))
    if not best.codec:
        raise AudioDecodeError(f"{path.name}: its sound has an unknown codec; save it again as WAV, FLAC or MP3")
    return best


def _matching(tracks: Sequence[SoundTrack], track: str, language: str | None) -> list[SoundTrack]:
    track = track.strip()
    if track.isdecimal():
        return [candidate for candidate in tracks if candidate.number == int(track)]
    if track.lower() != AUTO:
        return _in_language(tracks, track)
    return (_in_language(tracks, language) if language else []) or list(tracks)


def _in_language(tracks: Sequence[SoundTrack], language: str) -> list[SoundTrack]:
    code = _code_of(language)
    return [track for track in tracks if code and track.language == code]


def track_note(track: SoundTrack, count: int) -> str:
    """Returns the note that says which of several tracks is used; "" if there is one."""
    if count == 1:
        return ""
    name, _, details = str(track).partition(" ")
    return f"audio track {name} of {count} is used{f' {details}' if details else ''}"


def stated_duration_s(container: InputContainer, track: SoundTrack) -> float:
    """Returns how long a track should last, as its file says; 0 if that is not stated, or is an estimate."""
    stream = container.streams.audio[track.number - 1]
    if container.format.name == MATROSKA:
        start_s = float((stream.start_time or 0) * (stream.time_base or 0))
        return max(0.0, _seconds(stream.metadata.get("DURATION", "")) - max(0.0, start_s))
    if container.format.name in STATES_DURATION and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return 0.0


def _seconds(duration: str) -> float:
    """Reads "00:01:02.500000000"; 0 for anything else."""
    match = DURATION.fullmatch(duration.strip("\0 "))
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3]) if match else 0.0
