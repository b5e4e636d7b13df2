"""The audio files of a corpus: which are there, and whether a path leads out of the corpus folder.

Each folder is listed once. To ask the disk for each of 100,000 paths would take many times as long."""

import os
from pathlib import Path, PurePosixPath


class AudioFiles:
    """The files of one corpus folder, as they were when their folder was first asked for."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._kinds: dict[str, dict[str, bool] | None] = {}  # by folder: name -> is a regular file; None: outside

    def is_inside(self, audio: str) -> bool:
        """True if a relative path stays in the corpus folder, also where links lead; the file may be missing."""
        names, name = self._listed(audio)
        if names is None or name == "..":
            return False
        return name in names or resolves_inside(self._folder, PurePosixPath(audio))

    def is_file(self, audio: str) -> bool:
        """True if the path is a regular file, or a link to one."""
        names, name = self._listed(audio)
        return names is not None and (names.get(name, False) or os.path.isfile(self._folder / audio))

    def _listed(self, audio: str) -> tuple[dict[str, bool] | None, str]:
        """Returns the entries of a path's folder that are no links, None if it is outside of the corpus; the name."""
        parent, slash, name = audio.rpartition("/")
        parent += slash
        if parent not in self._kinds:
            self._kinds[parent] = self._list(parent) if is_inside(self._folder, parent) else None
        return self._kinds[parent], name

    def _list(self, parent: str) -> dict[str, bool]:
        try:
            with os.scandir(self._folder / parent) as entries:
                return {entry.name: entry.is_file() for entry in entries if not entry.is_symlink()}
        except (OSError, ValueError):  # a missing folder, or a name that no disk can hold
            return {}


def resolves_inside(folder: Path, path: PurePosixPath) -> bool:
    """True if a path of a folder stays in it when all links are followed."""
    try:
        return (folder / path).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a name too long, a loop of links, a zero byte
        return False


def is_inside(folder: Path, audio: str) -> bool:
    """True if a relative path stays in the folder; for a single path, without listing its folder."""
    path = PurePosixPath(audio)
    return not path.is_absolute() and ".." not in path.parts and resolves_inside(folder, path)
