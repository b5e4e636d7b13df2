"""Opens a source: finds its format, and unpacks it first if it is an archive."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from qal.audio.decoding.opening import Check
from qal.corpus.importers.conversion.archives import is_archive, unpack_archive
from qal.corpus.importers.formats import find_format
from qal.corpus.importers.listing import Problem, SourceFormat
from qal.errors import CorpusError
from qal.json_text import json_text

UNPACKED_FOLDER, UNPACKED_RECORD = "unpacked", "unpacked.json"


@dataclass(frozen=True)
class OpenedSource:
    """A source whose files are on the disk."""

    path: Path  # the folder or table; of an archive, where it was unpacked
    source_format: SourceFormat
    problems: tuple[Problem, ...] = ()  # entries of an archive that were left out

    def roots(self, audio_folders: Sequence[Path] = ()) -> list[Path]:
        """Returns the folders in which the recordings of the source may be."""
        own = self.path if self.path.is_dir() else self.path.parent
        folders = [own, *audio_folders]
        return list(dict.fromkeys([*folders, *(folder.absolute() for folder in folders)]))


def open_source(source: Path, source_format: SourceFormat | None, work_folder: Path, check: Check) -> OpenedSource:
    """Opens a source; an archive is unpacked into `work_folder`, where a complete earlier copy of it is used again.

    Raises CorpusError (no such source, no format recognises it, an archive that cannot be unpacked) or StorageError."""
    if source_format is not None and source_format.is_remote:
        return OpenedSource(source, source_format)
    if not source.exists():
        raise CorpusError(f"{source}: there is no such file or folder; check the path")
    if not is_archive(source):
        return OpenedSource(source, source_format or find_format(source))
    folder, problems = _unpacked(source, work_folder, check)
    return OpenedSource(folder, source_format or find_format(folder, source.name), problems)


def _unpacked(archive: Path, work_folder: Path, check: Check) -> tuple[Path, tuple[Problem, ...]]:
    status = archive.stat()
    identity: list[object] = [str(archive.resolve()), status.st_size, status.st_mtime_ns]
    record, folder = work_folder / UNPACKED_RECORD, work_folder / UNPACKED_FOLDER
    if known := _unpacked_before(record, folder, identity):
        return known
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    unpacked = unpack_archive(archive, folder, check)
    inner = unpacked.folder.relative_to(folder).as_posix()
    problems = [asdict(problem) for problem in unpacked.problems]
    record.write_text(json_text({"archive": identity, "folder": inner, "problems": problems}), encoding="utf-8")
    return unpacked.folder, tuple(unpacked.problems)


def _unpacked_before(record: Path, folder: Path, identity: list[object]) -> tuple[Path, tuple[Problem, ...]] | None:
    """Returns what an interrupted import unpacked of the same archive; None if it did not, or not completely."""
    try:
        known = json.loads(record.read_bytes())
        problems = tuple(Problem(**problem) for problem in known["problems"])
        inner = folder / known["folder"]
        return (inner, problems) if known["archive"] == identity and inner.is_dir() else None
    except (OSError, ValueError, KeyError, TypeError):  # no record, or one that was written incompletely
        return None
