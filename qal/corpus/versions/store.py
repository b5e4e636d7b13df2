"""The files of the recorded versions of a corpus, and the line of the log that describes a version.

    data/NAME/versions/log.jsonl              one line a version: hash, parent, note, time, counts, origin
    data/NAME/versions/HASH.jsonl             the manifest of the last version
    data/NAME/versions/HASH.jsonl.gz          the manifest of an earlier version

A manifest is compressed only when the next version begins, so that an edit of a large corpus stays fast."""

import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError

from qal.corpus.manifest import MANIFEST_FILE, Origin, read_utf8
from qal.errors import CorpusError
from qal.storage import require_regular, storage_errors

VERSIONS_FOLDER = "versions"
LOG_FILE = "log.jsonl"
MAX_MANIFEST_BYTES = 10_000_000_000  # of a stored manifest, unpacked
READ_BYTES = 1 << 20
COMPRESSION = 3  # of gzip: about 15 % larger than at the highest level, and ten times as fast


class Changes(BaseModel, frozen=True):
    """Changes of one kind, which share a version if they follow each other; its note counts them."""

    kind: Literal["edits", "takes", "captions"]
    counts: dict[str, int] = Field(description="number of changes, by what was changed")

    def describe(self) -> str:
        """Returns the changes in one line, such as "edits: text 2, marks 5"."""
        return f"{self.kind}: {', '.join(f'{name} {count:,}' for name, count in sorted(self.counts.items()))}"

    def plus(self, other: "Changes") -> Self:
        """Returns the changes of both, which are of one kind."""
        return self.model_copy(update={"counts": dict(Counter(self.counts) + Counter(other.counts))})


class Version(BaseModel, frozen=True):
    """A state of a corpus: a line of versions/log.jsonl."""

    version: str = Field(pattern=r"[0-9a-f]{64}", description="sha256 of the manifest")
    parent: str = Field(default="", pattern=r"([0-9a-f]{64})?", description="the version before; empty for the first")
    note: str = Field(default="", description="what was changed")
    time: float = Field(ge=0, allow_inf_nan=False, description="of the last change, in seconds since 1970")
    rows: int = Field(ge=0)
    marked: int = Field(default=0, ge=0, description="number of rows with marks")
    duration_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    origin: Origin
    automatic: bool = Field(default=False, description="recorded at a change; it is dropped when it is old")
    changes: Changes | None = Field(default=None, description="changes that further ones may join; null: none may")


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


def replace_log(folder: Path, versions: Sequence[Version], new_versions: Sequence[Version]) -> None:
    """Writes the log, then deletes the manifests of the versions that are no longer in it."""
    with storage_errors(f"the versions of {folder}"):
        lines = "".join(f"{version.model_dump_json()}\n" for version in new_versions)
        _replace(folder / VERSIONS_FOLDER / LOG_FILE, lines.encode())
        kept = {version.version for version in new_versions}
        for version in versions:
            if version.version not in kept:
                for path in (_manifest_path(folder, version), _compressed_path(folder, version)):
                    path.unlink(missing_ok=True)


def store_manifest(folder: Path, version: Version) -> None:
    """Copies the present manifest as that of a version. Raises StorageError if it cannot be written."""
    with storage_errors(f"the versions of {folder}"):
        path = _manifest_path(folder, version)
        path.parent.mkdir(exist_ok=True)
        _replace(path, read_utf8(folder / MANIFEST_FILE))


def compress_manifest(folder: Path, version: Version) -> None:
    """Compresses the manifest of a version that is no longer the last one."""
    plain = _manifest_path(folder, version)
    with storage_errors(f"the versions of {folder}"):
        if plain.is_file():
            _replace(_compressed_path(folder, version), gzip.compress(plain.read_bytes(), COMPRESSION, mtime=0))
            plain.unlink()


def stored_manifest(folder: Path, version: Version) -> bytes:
    """Reads a stored manifest, and checks its hash."""
    plain = _manifest_path(folder, version)
    path = plain if plain.is_file() else _compressed_path(folder, version)
    parts: list[bytes] = []
    digest = hashlib.sha256()
    try:
        require_regular(path)
        with path.open("rb") if path == plain else gzip.open(path) as file:
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
    return folder / VERSIONS_FOLDER / f"{version.version}.jsonl"


def _compressed_path(folder: Path, version: Version) -> Path:
    return folder / VERSIONS_FOLDER / f"{version.version}.jsonl.gz"


def _replace(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name and renames it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    temporary.replace(path)
