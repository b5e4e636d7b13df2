"""Every error that a user can cause, as one tree.

QalError
├── OptionError          a setting, a config file or a command line that cannot be used
├── AudioDecodeError     a file that is not readable as audio
├── CorpusError          a manifest, a row or an import that cannot be used
├── ModelError           a model that cannot be found, loaded or trusted
│   └── LanguageError    a language the model does not have
├── TrainingError        a run that cannot start, go on or be found
├── ConversionError      a conversion that would lose quality or cannot be made
└── StorageError         no space left, no permission to write

The message is one sentence that says what to do. Anything that is not a QalError is a bug
and keeps its traceback.
"""

import argparse
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

EXIT_USER_ERROR = 2


class QalError(Exception):
    """An error a user can cause, and mend by doing what its message says."""


class OptionError(QalError): ...


class AudioDecodeError(QalError): ...


class CorpusError(QalError): ...


class ModelError(QalError): ...


class LanguageError(ModelError): ...


class TrainingError(QalError): ...


class ConversionError(QalError): ...


class StorageError(QalError): ...


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


class CommandParser(argparse.ArgumentParser):
    """argparse whose complaints are OptionErrors: one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}; see {self.prog} --help")


def run_command(main: Callable[[], None]) -> None:
    """Runs a command line; a QalError becomes one line on stderr and exit code 2."""
    try:
        with storage_errors("a file"):
            main()
    except QalError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(EXIT_USER_ERROR)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
