"""The lock of a corpus: one writer at a time, across processes and threads."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def corpus_lock(folder: Path, create: bool = False) -> Iterator[None]:
    """Waits until no one else writes the corpus. The lock file is next to the corpus folder, not in it.

    Args:
        folder: the corpus folder.
        create: True if the corpus may be made under the lock; otherwise a missing one leaves no lock file."""
    folder = folder.resolve()
    if not create and not folder.is_dir():
        yield
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
