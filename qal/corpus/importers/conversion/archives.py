"""Unpacks archives safely: regular files only, below one folder, within limits of number, size and ratio."""

import lzma
import re
import shutil
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from qal.audio.decoding.opening import Check, no_check
from qal.corpus.importers.listing import Problem
from qal.corpus.split import parse_split
from qal.errors import CorpusError
from qal.storage import format_bytes, storage_errors

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_FILES = 2_000_000
MAX_RATIO = 50  # of unpacked to packed bytes; speech in WAV reaches 10, tables reach 20
RATIO_FREE_BYTES = 100_000_000  # unpacked, before the ratio counts: a table of zeros is no danger
KEPT_FREE_BYTES = 500_000_000  # of the disk
CHUNK_BYTES = 1 << 20
MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_DEPTH = 250, 2000, 40
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
DRIVE = re.compile(r"[A-Za-z]:")
MAC_FOLDERS, MAC_FILES, IGNORED_FILES = {"__MACOSX"}, ("._",), {".DS_Store", "Thumbs.db", "desktop.ini"}
UTF8_FLAG, SYMLINK_ZIP_SHIFT = 0x800, 16
READ_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


@dataclass
class Unpacked:
    """The result of unpacking: the folder to import, and the entries that were left out."""

    folder: Path
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    size: int = 0  # bytes


@dataclass(frozen=True)
class _Entry:
    """An entry of an archive."""

    name: str
    kind: str  # "file", "folder", or why it is left out
    open: Callable[[], IO[bytes] | None]


def is_archive(path: Path) -> bool:
    """True if the name of a file is that of an archive which can be unpacked."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES) and path.is_file()


def unpack_archive(archive: Path, folder: Path, check: Check = no_check) -> Unpacked:
    """Unpacks an archive into an empty folder. Nothing outside of it is written.

    Entries that are no regular files, or whose names lead out of the folder or cannot be used, are left out.

    Args:
        archive: a file with one of ARCHIVE_SUFFIXES.
        folder: the folder, which must exist.
        check: called for each megabyte; may raise to stop.

    Returns:
        the folder, or the only folder in it, and the entries that were left out.

    Raises:
        CorpusError: the archive cannot be read, is encrypted, or exceeds a limit.
        StorageError: the disk is full.
    """
    unpacked = Unpacked(folder)
    limits = _Limits(archive, folder)
    written: dict[str, str] = {}
    try:
        with storage_errors(f"the folder {folder}"):
            for entry in _entries(archive):
                check()
                limits.count_entry()
                _unpack_entry(archive, entry, unpacked, limits, written, check)
    except (*READ_ERRORS, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # gzip and bz2 raise OSError without a number
            raise
        raise CorpusError(
            f"{archive.name}: cannot be unpacked, because it is damaged or cut off; download or make it again"
        ) from error
    unpacked.folder = only_folder(folder)
    return unpacked


class _Limits:
    """Stops an archive that unpacks to too much."""

    def __init__(self, archive: Path, folder: Path):
        self._archive, self._packed = archive, max(archive.stat().st_size, 1)
        self._free = shutil.disk_usage(folder).free - KEPT_FREE_BYTES
        self._entries = self._size = 0

    def count_entry(self) -> None:
        self._entries += 1
        if self._entries > MAX_FILES:
            raise CorpusError(f"{self._archive.name}: has more than {MAX_FILES:,} entries; import it in parts")

    def count_bytes(self, size: int) -> None:
        self._size += size
        if self._size > self._free:
            raise CorpusError(
                f"{self._archive.name}: unpacks to more than the {format_bytes(max(self._free, 0))} that may be used "
                "on the disk; free some space, or unpack it yourself and import the folder"
            )
        if self._size > RATIO_FREE_BYTES and self._size > MAX_RATIO * self._packed:
            raise CorpusError(
                f"{self._archive.name}: unpacks to more than {MAX_RATIO} times its size, which recordings do not; "
                "unpack it yourself and import the folder"
            )


def _unpack_entry(
    archive: Path, entry: _Entry, unpacked: Unpacked, limits: _Limits, written: dict[str, str], check: Check
) -> None:
    name = entry.name.replace("\\", "/")
    place = f"{archive.name}, {_shown(entry.name)}"
    if entry.kind == "folder" or _is_ignored(name):
        return
    reason = entry.kind if entry.kind != "file" else _name_reason(name)
    path = PurePosixPath(name)
    key = unicodedata.normalize("NFC", path.as_posix()).casefold()
    if not reason and key in written:
        reason = f"has the name of another entry, {_shown(written[key])}"
    if reason:
        unpacked.problems.append(Problem(place, reason))
        return
    written[key] = entry.name
    target = unpacked.folder / path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        content = entry.open()
        if content is None:
            unpacked.problems.append(Problem(place, "cannot be read"))
            return
        with content, target.open("xb") as file:
            while chunk := content.read(CHUNK_BYTES):
                check()
                limits.count_bytes(len(chunk))
                unpacked.size += file.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        unpacked.problems.append(Problem(place, "has the name of a folder or file of the archive"))
        return
    except zipfile.BadZipFile:
        target.unlink(missing_ok=True)
        unpacked.problems.append(Problem(place, "is damaged: its checksum is wrong"))
        return
    except RuntimeError as error:  # of zipfile, for a password
        raise CorpusError(f"{archive.name}: is encrypted; unpack it yourself and import the folder") from error
    unpacked.files += 1


def _is_ignored(name: str) -> bool:
    """True for what operating systems add to archives."""
    parts = PurePosixPath(name).parts
    return bool(parts) and (
        bool(MAC_FOLDERS & set(parts)) or parts[-1] in IGNORED_FILES or parts[-1].startswith(MAC_FILES)
    )


def _name_reason(name: str) -> str:
    """Returns why an entry of this name is left out; "" if it may be unpacked."""
    path = PurePosixPath(name)
    if path.is_absolute() or DRIVE.match(name):
        return "has an absolute path"
    if ".." in path.parts:
        return "leads out of the archive"
    if not path.parts or CONTROL_CHARACTERS.search(name):
        return "has a name with control characters, such as a line break"
    try:
        encoded = [part.encode() for part in path.parts]
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if max(map(len, encoded)) > MAX_NAME_BYTES or sum(map(len, encoded)) > MAX_PATH_BYTES:
        return "has a name that is too long"
    return "is in too many folders" if len(path.parts) > MAX_DEPTH else ""


def _entries(archive: Path) -> Iterator[_Entry]:
    is_named_zip = archive.name.lower().endswith(".zip")
    if zipfile.is_zipfile(archive) or (is_named_zip and not tarfile.is_tarfile(archive)):
        yield from _zip_entries(archive)
    else:
        yield from _tar_entries(archive)


def _zip_entries(archive: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            mode = info.external_attr >> SYMLINK_ZIP_SHIFT
            kind = "folder" if info.is_dir() else "file"
            if kind == "file" and mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                kind = "is a link or a device, not a file"
            elif info.file_size > max(RATIO_FREE_BYTES, MAX_RATIO * info.compress_size):
                kind = f"unpacks to {format_bytes(info.file_size)}, more than {MAX_RATIO} times its size"
            yield _Entry(_zip_name(info), kind, lambda info=info: file.open(info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Returns the name of an entry; names without the mark for UTF-8 are often UTF-8 all the same."""
    if info.flag_bits & UTF8_FLAG:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _tar_entries(archive: Path) -> Iterator[_Entry]:
    with tarfile.open(archive, "r:*", encoding="utf-8", errors="surrogateescape") as file:
        for info in file:
            kind = "folder" if info.isdir() else "file" if info.isreg() else "is a link or a device, not a file"
            if info.issparse():
                kind = "is a sparse file"
            yield _Entry(info.name, kind, lambda info=info: file.extractfile(info))
            file.members = []  # pyright: ignore[reportAttributeAccessIssue] - a list of all entries would grow with the archive
        _require_end(file)


def _require_end(file: tarfile.TarFile) -> None:
    """Raises ReadError unless a block of zeros follows the last entry: without it, the archive is cut off."""
    if file.fileobj is not None:
        file.fileobj.seek(file.offset)
        if file.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("unexpected end")


def only_folder(folder: Path) -> Path:
    """Returns the folder, or the folder within it that holds everything; a folder named like a split is not entered."""
    for _ in range(MAX_DEPTH):
        inner = [path for path in folder.iterdir() if not path.name.startswith(".")]
        if len(inner) != 1 or not inner[0].is_dir() or inner[0].is_symlink() or parse_split(inner[0].name):
            return folder
        folder = inner[0]
    return folder


def _shown(name: str) -> str:
    """Returns a name on one line, shortened in the middle."""
    name = ascii(name)[1:-1] if CONTROL_CHARACTERS.search(name) or not name.isprintable() else name
    return name if len(name) <= 80 else f"{name[:40]}…{name[-38:]}"
