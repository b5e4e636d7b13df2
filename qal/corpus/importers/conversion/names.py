"""Names of the audio files of a corpus, and of the parts of recordings in messages."""

import os
import re
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import TypeGuard

from qal.corpus.importers.listing import AudioBytes, AudioPiece, Candidate
from qal.corpus.importers.staging import AUDIO_FOLDER
from qal.errors import CorpusError

MAX_NAME_BYTES = 200  # 255 on most disks; a suffix, times and a number are added
MAX_PATH_BYTES = 1000
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\\]")
MS_PER_S = 1000


def inner_path(audio: AudioPiece | AudioBytes, roots: Sequence[Path]) -> str:
    """Returns the path of a recording relative to the first of the folders that contains it.

    Raises CorpusError if it is outside of all of them, or if its name cannot be used. Links are followed, because the
    cache of the hub consists of them."""
    if isinstance(audio, AudioBytes):
        parts = [part for part in re.split(r"[/\\]", audio.name) if part not in ("", ".", "..")]
        return _checked(PurePosixPath(*parts).as_posix() if parts else "recording")
    path = os.fspath(audio.path)
    inner = next((path[len(root) + 1 :] for root in map(os.fspath, roots) if path.startswith(f"{root}{os.sep}")), "")
    if not inner or ".." in path.split(os.sep):
        advice = "give the folder that holds the recordings, too"
        raise CorpusError(f"'{path}' is outside the folder of the source; {advice}")
    return _checked(inner)


def _checked(name: str) -> str:
    """Returns the name. Raises CorpusError if a manifest or the disk of another system could not hold it."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError as error:
        raise CorpusError("its file name is not UTF-8; rename the file") from error
    too_long = max(map(len, encoded.split(b"/"))) > MAX_NAME_BYTES or len(encoded) > MAX_PATH_BYTES
    if b"\0" in encoded or too_long:
        raise CorpusError("its file name is too long or invalid; rename the file")
    return name


def describe_part(candidate: Candidate, name: str) -> str:
    """Returns the recording and the part of it, such as "interview.mp3, 12.34-15.20 s"."""
    audio = candidate.audio
    if not is_part(audio):
        return name
    end = "end" if audio.end_s is None else f"{audio.end_s:.2f} s"
    channel = "" if audio.channel is None else f", channel {audio.channel}"
    times = f", {audio.start_s:.2f}-{end}" if audio.start_s or audio.end_s is not None else ""
    return f"{name}{times}{channel}"


def place_with_file(candidate: Candidate, inner: str) -> str:
    """Returns where the source lists a candidate, with its recording if that is another place."""
    return f"{candidate.place} ({inner})" if candidate.place and candidate.place != inner else inner


def is_part(audio: AudioPiece | AudioBytes) -> TypeGuard[AudioPiece]:
    """True if the audio is a part of a recording: of its time, or one of its channels."""
    return isinstance(audio, AudioPiece) and (audio.start_s > 0 or audio.end_s is not None or audio.channel is not None)


class AudioNames:
    """Gives every example a file name of its own, also on disks that do not tell capitals apart.

    Args:
        taken: audio files that are in use, relative to the corpus."""

    def __init__(self, taken: Iterable[str] = ()):
        self._taken = {os.path.splitext(name)[0].casefold() for name in taken}

    def new(self, candidate: Candidate, inner: str) -> str:
        """Returns a free name without suffix. `inner` is the path of the recording in its source."""
        path, suffix = os.path.splitext(CONTROL_CHARACTERS.sub("_", inner))
        stem = f"{AUDIO_FOLDER}/{path}{_times(candidate)}"
        name = stem
        for ending in chain((suffix.removeprefix("."),), count(2)):
            if name.casefold() not in self._taken:
                break
            name = f"{stem}-{ending}"
        self._taken.add(name.casefold())
        return name


def _times(candidate: Candidate) -> str:
    audio = candidate.audio
    if not is_part(audio):
        return ""
    end = "end" if audio.end_s is None else f"{round(audio.end_s * MS_PER_S):08d}"
    channel = "" if audio.channel is None else f"-channel{audio.channel}"
    times = f"-{round(audio.start_s * MS_PER_S):08d}-{end}" if audio.start_s or audio.end_s is not None else ""
    return f"{times}{channel}"
