"""The folder that is imported: finds the recordings that its tables name, only inside of it, and makes candidates."""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from qal.audio.decode import AUDIO_SUFFIXES
from qal.corpus.importers.listing import AudioPiece, Candidate, ListingOptions, Problem
from qal.corpus.speakers import known_speaker
from qal.text.languages import resolve_language

MAX_LOOKED_AT = 20_000  # files that are looked at to recognise a format
SNAPSHOTS = "snapshots"  # folder of the hub's cache, whose files are links into the folder above it
NO_TEXT_VALUES = {"", "nan", "NaN"}
OUTSIDE = "'{}' is outside the imported folder; move the recording into it"
LINK_OUTSIDE = "'{}' is a link that leads out of the imported folder; put the recording itself there"
ADDRESS = "'{}' is an address on the net; download the recording into the imported folder"
MISSING = "there is no file '{}' in the imported folder"
NO_TEXT = "has no transcript; add it, or import the audio alone without text"
CONVERTED_SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")
MAX_QUOTED = 120  # characters of a path in a message


class SourceFolder:
    """A folder that is imported.

    Args:
        root: no recording outside of it, and of the further folders of the options, is read.
        options: what the user states about it."""

    def __init__(self, root: Path, options: ListingOptions):
        self.root, self.options = root, options
        real = os.path.realpath(root)
        is_cached = Path(real).parent.name == SNAPSHOTS
        own = str(Path(real).parents[1]) if is_cached else real
        self._roots = (root, *options.audio_folders)
        self._real_roots = (own, *map(os.path.realpath, options.audio_folders))
        self._is_inside = lru_cache(maxsize=4096)(self._is_folder_inside)

    def place(self, path: Path) -> str:
        """Returns how messages name a file of the folder."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name

    def find(self, names: Sequence[str], base: Path) -> Path | Problem:
        """Returns the first of some files that is there, or a problem without a place.

        Args:
            names: paths as the source writes them; an absolute path of another computer is found by its last parts.
            base: the folder that they are relative to; the imported folder is tried, too."""
        reason = MISSING
        for name in (*names, *_with_other_suffixes(names)):
            if "://" in name:
                return Problem("", ADDRESS.format(name[:MAX_QUOTED]))
            path = _parsed(name)
            if ".." in path.parts:
                return Problem("", OUTSIDE.format(name[:MAX_QUOTED]))
            for found in self._places_of(path, base):
                if not os.path.isfile(found):
                    continue
                if self.holds(found):
                    return Path(found)
                reason = LINK_OUTSIDE
            if path.anchor and not path.is_relative_to(self.root) and reason == MISSING:
                reason = OUTSIDE
        return Problem("", reason.format((names[0] if names else "")[:MAX_QUOTED]))

    def candidate(
        self,
        place: str,
        audio: str | Sequence[str] | Path,
        text: str,
        base: Path,
        start_s: float = 0.0,
        end_s: float | None = None,
        channel: int | None = None,
        **details: Any,
    ) -> Candidate | Problem:
        """Makes a candidate of a line, or a problem if its recording or its text is missing.

        Args:
            place: of the line.
            audio: the recording: a path as the source writes it, several of which the first existing one is meant, or
                a path that was found.
            text: its transcript.
            base: the folder that relative paths start from.
            start_s: where it starts in the recording.
            end_s: where it ends; None: at the end of the recording.
            channel: as in `AudioPiece`.
            details: other fields of `Candidate`."""
        path = audio if isinstance(audio, Path) else self.find([audio] if isinstance(audio, str) else audio, base)
        if isinstance(path, Problem):
            return Problem(place, path.reason)
        if not 0 <= start_s < float("inf") or (end_s is not None and not start_s < end_s < float("inf")):
            return Problem(place, f"its times are wrong: from {start_s:g} s to {end_s} s")
        text = " ".join(text.split())
        if text in NO_TEXT_VALUES and not details.get("translation") and not self.options.no_text:
            return Problem(place, NO_TEXT)
        details["speaker"] = known_speaker(details.get("speaker", ""))
        details["language"] = resolve_language(details.get("language", "")) or ""
        piece = AudioPiece(path, start_s, end_s, channel)
        return Candidate(piece, "" if self.options.no_text else text, place=place, **details)

    def _places_of(self, path: PurePath, base: Path) -> Iterator[str]:
        """Yields where a file may be: as it is written, or for an absolute path by its last parts."""
        if not path.parts:
            return
        if not path.anchor:
            for folder in dict.fromkeys([base, *self._roots]):
                yield os.path.join(folder, *path.parts)
            return
        if any(path.is_relative_to(root) for root in (*self._roots, *self._real_roots)):
            yield str(path)
        for start in range(1, len(path.parts) - 1):  # a folder and a name at least
            for folder in self._roots:
                yield os.path.join(folder, *path.parts[start:])

    def holds(self, path: Path | str) -> bool:
        """True for a file of the folder, False for a link that leads out of it."""
        if os.path.islink(path):
            return self._is_real_inside(os.path.realpath(path))
        return self._is_inside(os.path.dirname(path))

    def _is_folder_inside(self, folder: str) -> bool:
        return self._is_real_inside(os.path.realpath(folder))

    def _is_real_inside(self, real: str) -> bool:
        return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self._real_roots)


def _with_other_suffixes(names: Sequence[str]) -> Iterator[str]:
    """Yields the names with the suffixes of recordings that were converted after their table was made."""
    stems = (name[: -len(suffix)] for name in names if (suffix := os.path.splitext(name)[1]).lower() in AUDIO_SUFFIXES)
    return (f"{stem}{suffix}" for stem in stems for suffix in CONVERTED_SUFFIXES)


def content_folder(path: Path) -> Path:
    """Returns the folder that holds the content: an archive often has a single folder at its top."""
    for _ in range(3):
        if not path.is_dir():
            return path
        entries = list(islice((entry for entry in path.iterdir() if not entry.name.startswith(".")), 2))
        if len(entries) != 1 or not entries[0].is_dir() or entries[0].is_symlink():
            return path
        path = entries[0]
    return path


def files_below(folder: Path) -> Iterator[Path]:
    """Yields the files of a folder and its subfolders in a stable order; links to folders are not followed."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def audio_below(folder: Path) -> Iterator[Path]:
    """Yields the recordings of a folder and its subfolders in a stable order."""
    return (path for path in files_below(folder) if path.suffix.lower() in AUDIO_SUFFIXES)


def find_ending(folder: Path, *endings: str) -> Path | None:
    """Returns the first file whose name has one of the endings; only the first MAX_LOOKED_AT files are looked at."""
    if not folder.is_dir():
        return None
    looked_at = islice(files_below(folder), MAX_LOOKED_AT)
    return next((path for path in looked_at if path.name.endswith(endings)), None)


def _parsed(name: str) -> PurePath:
    name = name.strip()
    windows = PureWindowsPath(name)
    if windows.drive or ("\\" in name and "/" not in name):
        return PurePosixPath("/" if windows.anchor else "", *windows.parts[bool(windows.anchor) :])
    return PurePosixPath(name)
