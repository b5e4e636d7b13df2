"""The versions of a corpus: each state has a content hash, a parent and a note, and can be compared and restored.

Every writer of a corpus records its version with `write_version`. Changes of one kind that follow each other share a
version, and of the versions that are recorded in this way the latest are kept, so that many edits of a large corpus do
not fill the disk.

Only manifests are kept. The recordings are not copied: a restored version needs those that it names."""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from qal.corpus.lock import corpus_lock
from qal.corpus.manifest import UNKNOWN, Corpus, Origin, Row, read_corpus, write_corpus
from qal.corpus.versions.store import (
    VERSIONS_FOLDER,
    Changes,
    Version,
    compress_manifest,
    list_versions,
    replace_log,
    store_manifest,
    stored_manifest,
)
from qal.errors import CorpusError
from qal.storage import storage_errors

SHOWN_DIGITS = 12  # of a hash
MIN_DIGITS = 4  # of a hash that a user types
SHARED_S = 600  # changes share a version if less time than this has passed since the last of them
MAX_AUTOMATIC = 50  # kept versions that were recorded at a change; those of imports and of users are all kept
MAX_NOTE_CHARACTERS = 300
BEFORE_NOTE = "as it was before the next version"


def record_version(folder: Path, note: str = "") -> Version:
    """Records the present state of a corpus, and keeps it however many follow. Returns its version.

    If it is the last recorded version already, that one gets the note, unless it was recorded in this way before.
    Raises CorpusError if the corpus cannot be read, StorageError if the version cannot be written."""
    with storage_errors(f"the versions of {folder}"), corpus_lock(folder):
        return record_state(read_corpus(folder, max_missing_share=1), note, automatic=False)


def record_creation(folder: Path, note: str = "imported") -> Version:
    """Records the state of a corpus that was just imported or made, with its source. Raises as `record_version`."""
    with storage_errors(f"the versions of {folder}"), corpus_lock(folder):
        corpus = read_corpus(folder, max_missing_share=1)
        source = "" if corpus.info.source == UNKNOWN else f": {corpus.info.source}"
        return record_state(corpus, f"{note}{source}", automatic=False)


def write_version(
    folder: Path, origin: Origin, rows: Iterable[Row], change: str | Changes, before: Corpus | None
) -> Corpus:
    """Writes a corpus as `write_corpus` does and records its version. The caller holds the lock of the corpus.

    Args:
        folder: the corpus folder.
        origin: source and terms of use.
        rows: all rows.
        change: what was changed, in a few words; `Changes` may share a version with those before and after them.
        before: the corpus that is replaced; it is recorded first if its state is not the last recorded version.

    Raises CorpusError and StorageError; nothing is written if the versions of the corpus cannot be read."""
    if before:
        record_state(before, BEFORE_NOTE)
    corpus = write_corpus(folder, origin, rows)
    record_state(corpus, change)
    return corpus


def keep_versions(folder: Path, new_folder: Path) -> bool:
    """Moves the versions of a corpus, with its present state if that can be read, to the folder that will replace it.

    Returns False if there is none."""
    try:
        with storage_errors(f"the versions of {folder}"), corpus_lock(folder):
            record_state(read_corpus(folder, max_missing_share=1), "before it was imported again")
    except CorpusError:
        if not (folder / VERSIONS_FOLDER).is_dir():
            return False
    (folder / VERSIONS_FOLDER).rename(new_folder / VERSIONS_FOLDER)
    return True


def find_version(folder: Path, version: str) -> Version:
    """Returns the version whose hash starts with the given digits, the latest one of equal hashes.

    Raises CorpusError if there is none, or several."""
    versions = list_versions(folder)
    found = {v.version: v for v in versions if v.version.startswith(version.lower())}
    if len(version) < MIN_DIGITS or not found:
        known = ", ".join(v.version[:SHOWN_DIGITS] for v in versions[-5:]) or "none is recorded"
        raise CorpusError(f"{folder}: there is no version '{version}'; the latest ones are {known}")
    if len(found) > 1:
        raise CorpusError(f"{folder}: several versions start with '{version}'; write more digits")
    return next(iter(found.values()))


def read_version(folder: Path, version: Version) -> Corpus:
    """Returns the corpus as it was. Raises CorpusError if the stored manifest is missing or damaged."""
    rows = _stored_rows(folder, version)
    info = read_corpus(folder, max_missing_share=1).info
    return Corpus(folder, info.model_copy(update={"version": version.version}), rows)


def _stored_rows(folder: Path, version: Version) -> tuple[Row, ...]:
    manifest = stored_manifest(folder, version)
    return tuple(Row.model_validate_json(line) for line in manifest.split(b"\n") if line)


def restore_version(folder: Path, version: Version) -> Corpus:
    """Makes a recorded version the present state, also where the present manifest is damaged.

    The state before is recorded first, if it can be read, so that nothing is lost.

    Raises CorpusError if the stored manifest is damaged, or if recordings that it names are missing."""
    rows = _stored_rows(folder, version)
    missing = [row.audio for row in rows if not (folder / row.audio).is_file()]
    if missing:
        raise CorpusError(
            f"{folder}: {len(missing)} recordings of version {version.version[:SHOWN_DIGITS]} are missing, such as "
            f"'{missing[0]}'; put them back, then restore"
        )
    with storage_errors(f"the versions of {folder}"), corpus_lock(folder):
        present = None
        with suppress(CorpusError):  # a damaged manifest, which the restored one replaces
            present = read_corpus(folder, max_missing_share=1)
        note = f"restored version {version.version[:SHOWN_DIGITS]}"
        return write_version(folder, version.origin, rows, note, present)


def record_state(corpus: Corpus, change: str | Changes, automatic: bool = True) -> Version:
    """Records a corpus, if it is not the last recorded version. The caller holds its lock.

    Args:
        corpus: the corpus as it is on disk.
        change: what was changed, as in `write_version`.
        automatic: False for a version that is kept however many follow.

    Returns:
        its version; the one before if changes that share a version cancel each other out."""
    versions = list_versions(corpus.folder)
    last = versions[-1] if versions else None
    note = change.describe() if isinstance(change, Changes) else _short(change)
    if last and last.version == corpus.info.version:
        if automatic or not last.automatic:
            return last
        kept = last.model_copy(update={"note": note or last.note, "automatic": False, "changes": None})
        replace_log(corpus.folder, versions, [*versions[:-1], kept])
        return kept
    changes = change if isinstance(change, Changes) else None
    earlier = versions
    if last and last.changes and changes and _may_share(last, changes):
        changes = last.changes.plus(changes)
        note, earlier = changes.describe(), versions[:-1]
    if earlier and earlier[-1].version == corpus.info.version:
        replace_log(corpus.folder, versions, earlier)
        return earlier[-1]
    version = Version(
        version=corpus.info.version,
        parent=earlier[-1].version if earlier else "",
        note=note,
        time=time.time(),
        rows=len(corpus.rows),
        marked=sum(bool(row.marks) for row in corpus.rows),
        duration_s=corpus.info.duration_s,
        origin=Origin(**{name: getattr(corpus.info, name) for name in Origin.model_fields}),
        automatic=automatic,
        changes=changes,
    )
    store_manifest(corpus.folder, version)
    for older in earlier[-1:]:
        compress_manifest(corpus.folder, older)
    replace_log(corpus.folder, versions, [*_without_old(earlier), version])
    return version


def _short(note: str) -> str:
    return " ".join(note.split())[:MAX_NOTE_CHARACTERS]


def _may_share(last: Version, changes: Changes) -> bool:
    is_same_kind = last.changes is not None and last.changes.kind == changes.kind
    return is_same_kind and 0 <= time.time() - last.time < SHARED_S


def _without_old(versions: Sequence[Version]) -> list[Version]:
    """Returns the versions without the oldest automatic ones, so that one more can be added; the first is kept."""
    automatic = [number for number, version in enumerate(versions) if number and version.automatic]
    dropped = set(automatic[: max(0, len(automatic) + 1 - MAX_AUTOMATIC)])
    return [version for number, version in enumerate(versions) if number not in dropped]


def describe_versions(versions: Sequence[Version], present: str) -> list[str]:
    """Returns one line for each version; the present one has a star."""
    return [
        f"{'*' if version.version == present else ' '} {version.version[:SHOWN_DIGITS]}  "
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(version.time))}  {version.rows:7,} examples  "
        f"{version.marked:6,} marked  {version.note}".rstrip()
        for version in versions
    ]
