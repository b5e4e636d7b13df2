"""Disks that are full, read-only or forbidden, as errors that say what to do."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qal.errors import StorageError

STORAGE_REASONS = {
    errno.ENOSPC: "no space left on the disk; free some and start again",
    errno.EDQUOT: "the disk quota is used up; free some space and start again",
    errno.EACCES: "no permission to write there; choose another folder",
    errno.EPERM: "that is not permitted there; choose another folder",
    errno.EEXIST: "something of that name is there already; move it away, or choose another folder",
    errno.EROFS: "the folder is read-only; choose another one",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "its links lead in a circle; choose another path",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another path",
    errno.EISDIR: "it is a folder, not a file; choose another path",
}


@contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Translates a full disk or a forbidden folder, while `what` is written, into StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno not in STORAGE_REASONS:
            raise
        what = str(error.filename or what)
        raise StorageError(f"{what} could not be used: {STORAGE_REASONS[error.errno]}") from error


def require_space(folder: Path, needed_bytes: int, what: str) -> None:
    """Raises StorageError, before anything is written, when `folder` (or the first parent there is) is too full."""
    existing = next(p for p in (folder.resolve(), *folder.resolve().parents) if os.path.exists(p))
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise StorageError(
            f"{what} needs {needed_bytes / 1e9:.1f} GB in {existing}, where {free / 1e9:.1f} GB are free; "
            "free some space or choose another folder"
        )
