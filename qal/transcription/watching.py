"""New audio and video files of a folder, as soon as they have stopped growing."""

import time
from collections.abc import Callable
from pathlib import Path

from qal.transcription.identity import FileVersion, file_version
from qal.transcription.sources import Source, walk_media

SETTLE_S = 2.0  # without a change, after which a file is complete


class FolderWatcher:
    """Finds the files of a folder that are new, or have changed since they were found.

    Args:
        folder: with its folders; it may be empty.
        settle_s: a file that has not changed for this time is complete.
        clock: monotonic time in seconds.
    """

    def __init__(self, folder: Path, settle_s: float = SETTLE_S, clock: Callable[[], float] = time.monotonic):
        self._folder, self._settle_s, self._clock = folder, settle_s, clock
        self._seen: dict[Path, tuple[FileVersion, float]] = {}  # with the time when this version was first seen
        self._taken: dict[Path, FileVersion] = {}

    def poll(self) -> list[Source]:
        """Returns the files that are complete and were not returned before in this version."""
        now_s, found = self._clock(), []
        for source in walk_media(self._folder):
            version = file_version(source.path)
            if version is None or self._taken.get(source.path) == version:
                continue
            known, since_s = self._seen.get(source.path, (None, now_s))
            if known != version:
                self._seen[source.path] = (version, now_s)
            elif version.size and now_s - since_s >= self._settle_s:
                self._taken[source.path] = version
                del self._seen[source.path]
                found.append(source)
        return found
