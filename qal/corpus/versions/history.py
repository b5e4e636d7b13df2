"""The versions of a corpus: each state has a content hash, a parent and a note, and can be compared and restored.

    data/NAME/versions/log.jsonl              one line a version: hash, parent, note, time, counts, origin
    data/NAME/versions/HASH.jsonl.gz          its manifest

Only manifests are kept. The recordings are not copied: a restored version needs those that it names."""

import gzip
import hashlib
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from qal.corpus.lock import corpus_lock
from qal.corpus.manifest import MANIFEST_FILE, Corpus, Origin, Row, read_corpus, write_corpus
from qal.errors import CorpusError
from qal.storage import require_regular, storage_errors

VERSIONS_FOLDER = "versions"
LOG_FILE = "log.jsonl"
SHOWN_DIGITS = 12  # of a hash
MIN_DIGITS = 4  # of a hash that a user types
MAX_MANIFEST_BYTES = 10_000_000_000  # of a stored manifest, unpacked
READ_BYTES = 1 << 20


class Version(BaseModel, frozen=True):
    """A state of a corpus: a line of versions/log.jsonl."""

    version: str = Field(pattern=r"[0-9a-f]{64}", description="sha256 of the manifest")
    parent: str = Field(default="", pattern=r"([0-9a-f]{64})?", description="the version before; empty for the first")
    note: str = Field(default="", description="what was changed")
    time: float = Field(ge=0, allow_inf_nan=False, description="when it was recorded, in seconds since 1970")
    rows: int = Field(ge=0)
    marked: int = Field(default=0, ge=0, description="number of rows with marks")
    duration_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    origin: Origin


def list_versions(folder: Path) -> list[Version]:
    """Returns the recorded versions of a corpus, the oldest first. Raises CorpusError if the log is damaged."""
    path = folder / VERSIONS_FOLDER / LOG_FILE
    try:
        with storage_errors(f"the versions of {folder}"):
            content = require_regular(path).read_bytes()
    except FileNotFoundError:
        return []
    versions = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            versions += [Version.model_validate_json(line)] if line.strip() else []
        except ValidationError as error:
            if number == len(lines):  # torn by a crash
                break
            raise CorpusError(f"{path}: line {number} is invalid; delete it") from error
    return versions


def record_version(folder: Path, note: str = "") -> Version:
    """Records the present state of a corpus, if it is not the last recorded one. Returns its version.

    Raises CorpusError if the corpus cannot be read, StorageError if the version cannot be written."""
    with storage_errors(f"the versions of {folder}"), corpus_lock(folder):
        return _record(read_corpus(folder, max_missing_share=1), note)


def keep_versions(folder: Path, new_folder: Path) -> bool:
    """Moves the versions of a corpus, with its present state if that can be read, to the folder that will replace it.

    Returns False if there is none."""
    try:
        record_version(folder, "before it was imported again")
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
    manifest = _stored_manifest(folder, version)
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
        with suppress(CorpusError):  # a damaged manifest, which the restored one replaces
            _record(
                read_corpus(folder, max_missing_share=1),
                f"before version {version.version[:SHOWN_DIGITS]} was restored",
            )
        restored = write_corpus(folder, version.origin, rows)
        _record(restored, f"restored version {version.version[:SHOWN_DIGITS]}")
    return restored


def _record(corpus: Corpus, note: str) -> Version:
    """Records a corpus; its folder is locked."""
    versions = list_versions(corpus.folder)
    info = corpus.info
    if versions and versions[-1].version == info.version:
        return versions[-1]
    version = Version(
        version=info.version,
        parent=versions[-1].version if versions else "",
        note=" ".join(note.split()),
        time=time.time(),
        rows=len(corpus.rows),
        marked=sum(bool(row.marks) for row in corpus.rows),
        duration_s=info.duration_s,
        origin=Origin(**{name: getattr(info, name) for name in Origin.model_fields}),
    )
    with storage_errors(f"the versions of {corpus.folder}"):
        stored = _manifest_path(corpus.folder, version)
        stored.parent.mkdir(exist_ok=True)
        manifest = (corpus.folder / MANIFEST_FILE).read_bytes()
        temporary = stored.with_name(f".{stored.name}.new")
        temporary.write_bytes(gzip.compress(manifest, mtime=0))
        temporary.replace(stored)
        lines = [v.model_dump_json() for v in (*versions, version)]
        log = stored.with_name(LOG_FILE)
        new_log = log.with_name(f".{LOG_FILE}.new")
        new_log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        new_log.replace(log)
    return version


def _stored_manifest(folder: Path, version: Version) -> bytes:
    """Reads a stored manifest, and checks its hash."""
    path = _manifest_path(folder, version)
    parts: list[bytes] = []
    digest = hashlib.sha256()
    try:
        require_regular(path)
        with gzip.open(path) as file:
            while part := file.read(READ_BYTES):
                parts.append(part)
                digest.update(part)
                if len(parts) * READ_BYTES > MAX_MANIFEST_BYTES:
                    break
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{path}: missing or damaged; this version cannot be read any more") from error
    if digest.hexdigest() != version.version:
        raise CorpusError(f"{path}: does not have the content of its version; it cannot be read any more")
    return b"".join(parts)


def _manifest_path(folder: Path, version: Version) -> Path:
    return folder / VERSIONS_FOLDER / f"{version.version}.jsonl.gz"


def describe_versions(versions: Sequence[Version], present: str) -> list[str]:
    """Returns one line for each version; the present one has a star."""
    return [
        f"{'*' if version.version == present else ' '} {version.version[:SHOWN_DIGITS]}  "
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(version.time))}  {version.rows:7,} examples  "
        f"{version.marked:6,} marked  {version.note}".rstrip()
        for version in versions
    ]
