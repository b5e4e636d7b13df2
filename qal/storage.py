"""Translates errors of full, read-only or forbidden disks into StorageError."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qal.errors import StorageError

STORAGE_REASONS = {
    errno.ENOSPC: "no space left on the disk; free some and start again",
    errno.EDQUOT: "the disk quota is used up; free some space and start again",
    errno.EACCES: "no permission to access it; choose another folder",
    errno.EPERM: "the operation is not permitted; choose another folder",
    errno.EEXIST: "a file of this name exists already; move it away, or choose another folder",
    errno.EROFS: "the folder is read-only; choose another one",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ELOOP: "its symbolic links form a loop; choose another path",
    errno.ENOTDIR: "a part of the path is a file, not a folder; choose another path",
    errno.EISDIR: "it is a folder, not a file; choose another path",
}
NOT_MAKEABLE = "{} cannot be made: nothing can be written there; choose another place"


@contextmanager
def storage_errors(name: str) -> Iterator[None]:
    """Translates the OSErrors of STORAGE_REASONS into StorageError; other errors pass through.

    `name` is what the message names if the error has no file name."""
    try:
        yield
    except OSError as error:
        if error.errno not in STORAGE_REASONS:
            raise
        raise StorageError(f"{error.filename or name} could not be used: {STORAGE_REASONS[error.errno]}") from error


def require_regular(path: Path) -> Path:
    """Returns the path, also of a missing file.

    Raises StorageError for a pipe, a device or a socket, from which a read may never return."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # the caller's read reports it
        return path
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return path
    raise StorageError(f"{path} is not a regular file but a pipe or a device; put a file in its place")


def make_folder(folder: Path) -> Path:
    """Creates a folder with its parents, if it is not there. Raises StorageError if that is not possible."""
    with storage_errors(str(folder)):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as error:  # in /proc, for example
            raise StorageError(NOT_MAKEABLE.format(folder)) from error
    return folder


def require_makeable(path: Path) -> None:
    """Checks that a file or folder can be made, with its parents: a folder is made beside it and removed.

    Raises StorageError, which names the place, if it cannot."""
    existing = path.absolute()
    with storage_errors(str(path)):
        while not _is_there(existing) and existing != existing.parent:
            existing = existing.parent
        if existing.is_symlink() and not existing.exists():
            raise StorageError(f"{existing} is a link to a place that is not there; choose another one")
        if existing.is_file():
            if existing != path.absolute():
                raise StorageError(f"{existing} is a file, not a folder; choose another place")
            existing = existing.parent
        try:
            os.rmdir(tempfile.mkdtemp(prefix=".qal-", dir=existing))
        except FileNotFoundError as error:
            raise StorageError(NOT_MAKEABLE.format(path)) from error


def _is_there(path: Path) -> bool:
    """True if a path exists, also as a link to nothing. Raises OSError for a name that no file can have."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def make_private_folder(folder: Path) -> Path:
    """Creates a folder that only this account can read, or takes an existing one away from other accounts.

    Raises StorageError if that is not possible, or if it is another account's, a link or a shared folder, as /tmp."""
    with storage_errors(str(folder)):
        folder.mkdir(0o700, parents=True, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & stat.S_ISVTX:
            raise StorageError(f"{folder} can be changed by other accounts of this machine; choose another folder")
        if status.st_mode & 0o077:
            folder.chmod(0o700)
    return folder


def require_space(folder: Path, needed_bytes: float, purpose: str) -> None:
    """Checks `folder`, or its first existing parent, before anything is written.

    Raises StorageError, which names `purpose`, if it cannot be written to or has less than `needed_bytes` free."""
    existing = next(p for p in (folder.resolve(), *folder.resolve().parents) if os.path.exists(p))
    if os.statvfs(existing).f_flag & os.ST_RDONLY:
        raise StorageError(f"{purpose} cannot be written to {existing}, which is read-only; choose another folder")
    free = shutil.disk_usage(existing).free
    if free < needed_bytes:
        raise StorageError(
            f"{purpose} needs {format_bytes(needed_bytes)} in {existing}, where {format_bytes(free)} are free; "
            "free some space or choose another folder"
        )


def format_bytes(size: float) -> str:
    """Formats a size in GB, or in MB below 1 GB: "1.5 GB", "120 MB", "0.3 MB"."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e7 or not size else f"{size / 1e6:.1f} MB"
