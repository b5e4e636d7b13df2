"""Which files are transcribed: those that were named, and the audio and video of folders; and what outputs are named.

An output is named like its file, `talk.mp4` -> `talk.srt`. Where two files would get the same name, the suffix stays in
(`talk.mp4.srt`), or else the folders in which they differ."""

import mimetypes
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from qal.audio.blocks import read_audio_format
from qal.audio.decode import AUDIO_SUFFIXES
from qal.errors import AudioDecodeError, OptionError, StorageError

VIDEO_SUFFIXES = frozenset(
    {
        *(".mkv", ".mov", ".m4v", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".wmv", ".flv"),
        *(".ogv", ".vob", ".mxf", ".asf"),
    }
)
MORE_AUDIO_SUFFIXES = frozenset(
    {
        *(".mka", ".m4b", ".mp2", ".mpga", ".aifc", ".au", ".caf", ".amr", ".ac3", ".eac3", ".dts", ".w64", ".wv"),
        *(".ape", ".tta", ".spx", ".weba", ".ra", ".rm"),
    }
)
MEDIA_SUFFIXES = frozenset(AUDIO_SUFFIXES) | VIDEO_SUFFIXES | MORE_AUDIO_SUFFIXES
HIDDEN, NOT_MEDIA, TWICE = "hidden", "neither audio nor video", "named twice"
FOLDER_LINK, UNREADABLE_FOLDER = "that a link leads to", "not readable"
FOLDER_REASONS = (FOLDER_LINK, UNREADABLE_FOLDER)  # which count folders, the others files


class Source(NamedTuple):
    """A file to transcribe, and its place below the folder of the outputs."""

    path: Path
    relative: PurePath  # name, below the folders of a folder that was given


class FoundSources(NamedTuple):
    """The files to transcribe, in the order of the arguments and of their names; how many were left out, by reason."""

    sources: tuple[Source, ...]
    left_out: Mapping[str, int]


def find_sources(paths: Sequence[Path]) -> FoundSources:
    """Finds the files to transcribe.

    Args:
        paths: files, which are taken as they are, and folders, of which all audio and video is taken.

    Raises:
        OptionError: there is nothing to transcribe.
        StorageError: a folder of `paths` cannot be read."""
    left_out: Counter[str] = Counter()
    sources: dict[Path, Source] = {}
    for path in paths:
        for source in walk_media(path, left_out) if path.is_dir() else [Source(path, PurePath(path.name))]:
            resolved = Path(os.path.realpath(source.path))
            left_out[TWICE] += resolved in sources
            sources.setdefault(resolved, source)
    if not sources:
        raise OptionError(f"{', '.join(map(str, paths))}: no audio or video is in it; choose another folder")
    return FoundSources(tuple(sources.values()), {reason: n for reason, n in left_out.items() if n})


def walk_media(folder: Path, left_out: Counter[str] | None = None) -> Iterator[Source]:
    """Yields the media of a folder and its folders in the order of their names; counts what is left out by reason.

    Links to folders are not followed, so that no file is found twice and no circle is without an end.
    Raises StorageError if the folder itself cannot be read."""
    left_out = Counter() if left_out is None else left_out

    def fail(error: OSError) -> None:
        if str(error.filename) == str(folder):
            raise StorageError(f"{folder}: the folder cannot be read; check its permissions") from error
        left_out[UNREADABLE_FOLDER] += 1

    for parent, folders, names in os.walk(folder, onerror=fail):
        left_out[HIDDEN] += sum(name.startswith(".") for name in names)
        left_out[FOLDER_LINK] += sum(Path(parent, name).is_symlink() for name in folders)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in names if not name.startswith(".")):
            path = Path(parent, name)
            if is_media(path):
                yield Source(path, path.relative_to(folder))
            else:
                left_out[NOT_MEDIA] += 1


def is_media(path: Path) -> bool:
    """True for audio and video, by the suffix; by the content where the suffix says nothing."""
    if not path.is_file():  # a pipe, a device, or a link to nothing
        return False
    if path.suffix.lower() in MEDIA_SUFFIXES:
        return True
    kind, _ = mimetypes.guess_type(path.name)
    if kind and not kind.startswith(("audio/", "video/")):
        return False
    try:
        read_audio_format(path)
    except AudioDecodeError:
        return False
    return True


def output_stems(sources: Sequence[Source]) -> list[PurePath]:
    """Returns the place of each file's outputs without the suffix of their format; no two are the same.

    The order of the files makes no difference."""
    common = Path(os.path.commonpath([source.path.absolute().parent for source in sources])) if sources else Path()
    short = [source.relative.with_name(name_without_suffix(source.relative.name)) for source in sources]
    with_suffix = _lengthened(short, [source.relative for source in sources])
    return _numbered(_lengthened(with_suffix, [source.path.absolute().relative_to(common) for source in sources]))


def _lengthened(stems: Sequence[PurePath], longer: Sequence[PurePath]) -> list[PurePath]:
    """Replaces the stems that are the same as another one by longer ones."""
    counts = Counter(map(same_name, stems))
    return [long if counts[same_name(stem)] > 1 else stem for stem, long in zip(stems, longer, strict=True)]


def name_without_suffix(name: str) -> str:
    """Returns a file name without its suffix if that is one of audio or video: "v1.0.wav" -> "v1.0"."""
    stem, suffix = os.path.splitext(name)
    return stem if stem and suffix.lower() in MEDIA_SUFFIXES else name


def same_name(path: PurePath) -> str:
    """Returns a path as file systems compare it that ignore case."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _numbered(stems: list[PurePath]) -> list[PurePath]:
    """Numbers what is still the same: names that differ only in case."""
    seen: Counter[str] = Counter()
    found = []
    for stem in stems:
        seen[same_name(stem)] += 1
        number = seen[same_name(stem)]
        found.append(stem if number == 1 else stem.with_name(f"{stem.name} ({number})"))
    return found
