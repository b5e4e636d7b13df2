"""The folder beside a target in which an import is prepared, and which an interrupted import leaves to be continued."""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qal.corpus.importers.results import ProblemsError
from qal.corpus.importers.staging import (
    LOCK_FILE,
    NEW_FOLDER,
    OLD_FOLDER,
    check_replaceable,
    escaped,
    put_back_replaced,
)
from qal.corpus.manifest import MANIFEST_FILE
from qal.corpus.versions.history import keep_versions, record_creation
from qal.errors import CorpusError
from qal.storage import make_folder, storage_errors

CORPUS_FOLDER = NEW_FOLDER


@contextmanager
def resumable_staging(out: Path, force: bool, identity: Any) -> Iterator[Path]:
    """Yields a folder that belongs to one target, one source and one set of options; what is in it is kept.

    If the block succeeds, its folder `new` replaces `out`. If it raises a CorpusError, everything is deleted, unless
    too many problems stopped it. Any other exception, or a kill, leaves the folder for the next import with the same
    `identity`; one with another identity deletes it.

    Args:
        out: the target.
        force: replaces an imported corpus.
        identity: the source and the options, as JSON values.

    Raises:
        CorpusError: `out` is in use, or another import into it is running.
        StorageError: the folder cannot be written."""
    target = out.resolve()
    put_back_replaced(target)
    check_replaceable(out, force)
    prefix = f".{target.name}-import-"
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()[:16]
    with storage_errors(f"the dataset {out}"):
        make_folder(target.parent)
        folder = target.parent / f"{prefix}{digest}"
        folder.mkdir(exist_ok=True)
        with (folder / LOCK_FILE).open("w") as lock:
            _lock(lock, out)
            for other in target.parent.glob(f"{escaped(prefix)}*"):
                if other != folder:
                    _delete_unused(other)
            (folder / CORPUS_FOLDER).mkdir(exist_ok=True)
            try:
                yield folder
            except CorpusError as error:
                if not (isinstance(error, ProblemsError) and error.is_kept):
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            check_replaceable(out, force)  # another import may have written it in the meantime
            is_replaced = (target / MANIFEST_FILE).is_file() and keep_versions(target, folder / CORPUS_FOLDER)
            if not is_replaced:
                record_creation(folder / CORPUS_FOLDER)
            if target.exists():
                target.rename(folder / OLD_FOLDER)
            (folder / CORPUS_FOLDER).rename(target)
            if is_replaced:
                record_creation(target, "imported again")
            shutil.rmtree(folder, ignore_errors=True)


def _lock(file: Any, out: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CorpusError(f"{out}: an import of the same source is running; wait until it has ended") from error


def _delete_unused(folder: Path) -> None:
    """Deletes the folder of an interrupted import that is not running."""
    try:
        with (folder / LOCK_FILE).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except (BlockingIOError, FileNotFoundError):
        return
