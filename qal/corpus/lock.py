"""The lock of a corpus: one writer at a time, across processes and threads."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def corpus_lock(folder: Path) -> Iterator[None]:
    """Waits until no one else writes the corpus. The lock file is next to the corpus folder, not in it."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
