"""Finds the recordings that a table names, also by paths of another machine or another system."""

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from qal.corpus.importers.file_names import name_key

DRIVE = re.compile(r"^[A-Za-z]:[/\\]")
OUTSIDE = "is outside the folder of the source; import the folder that holds both, or give its own with --audio-folder"
MAX_SHOWN = 4  # of files that a name fits
URL = re.compile(r"^file:/{2,3}", re.IGNORECASE)
ZIP_CODE_PAGES = (  # of names in zip archives that do not state theirs, which are then read as cp437
    *("cp866", "cp850", "cp852", "cp737", "cp857", "cp862", "cp932", "cp936", "cp949", "cp950", "cp1251"),
)
NUMBER = re.compile(r"(\d+)(?:\.0)?")
NO_RECORDINGS = {".csv", ".tsv", ".txt", ".jsonl", ".json", ".md", ".xlsx", ".parquet", ".lab", ".srt", ".vtt", ".xml"}


class FileLocator:
    """Finds files below the folder of a source.

    Args:
        folder: the folder of the source.
        others: further folders, in which names are looked for that are not in it."""

    def __init__(self, folder: Path, others: Sequence[Path] = ()):
        self._folder = folder
        self._folders = (folder, *others)
        self._indexes: list[_Index] | None = None

    def find(self, name: str, table_folder: Path) -> Path | str:
        """Returns the path of a file, or why there is none.

        A path that leads out of the folder is returned as it is, so that it is refused later.

        Args:
            name: as the table spells it.
            table_folder: folder of the table, to which names are relative."""
        name = URL.sub("/", name.strip())
        if "\0" in name:
            return "the name of its file is invalid"
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            path = os.path.normpath(os.path.join(table_folder, spelling))
            if not DRIVE.match(name) and self._holds(path) and os.path.isfile(path):
                return Path(path)
        name = name.replace("\\", "/")
        is_absolute = name.startswith("/") or bool(DRIVE.match(name))
        if not is_absolute and not self._holds(os.path.normpath(os.path.join(table_folder, name))):
            inner = PurePosixPath(*(part for part in PurePosixPath(name).parts if part != ".."))
            found = self._search(inner.as_posix(), table_folder, is_absolute) if len(self._folders) > 1 else OUTSIDE
            return found if isinstance(found, Path) else f"'{name}' {OUTSIDE}"
        return self._search(name, table_folder, is_absolute)

    def _holds(self, path: str) -> bool:
        """True if a path without `..` is below the folder, whose own path may be relative."""
        folder = os.fspath(self._folder)
        return (folder == os.curdir and not os.path.isabs(path)) or path.startswith(f"{folder.rstrip(os.sep)}{os.sep}")

    def _search(self, name: str, table_folder: Path, is_absolute: bool) -> Path | str:
        if self._indexes is None:
            self._indexes = [_Index(folder) for folder in self._folders]
        inner = table_folder.relative_to(self._folder).parts if table_folder.is_relative_to(self._folder) else ()
        found = next(
            (found for index in self._indexes for spelled in _spellings(name) if (found := index.find(spelled, inner))),
            [],
        )
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(sorted(_shown(path, found) for path in found)[:MAX_SHOWN])
            return f"there are several files '{PurePosixPath(name).name}' ({names}); write their folder and suffix"
        if is_absolute and os.path.isfile(name):  # the import says whether it may be read
            return Path(os.path.normpath(name))
        if is_absolute:
            return f"'{name}' is not in the folder of the source; give the folder that holds the recordings, too"
        return f"there is no file '{name}'"


class _Index:
    """The files below a folder, by what may be written for them: without capitals, suffix or folders."""

    def __init__(self, folder: Path):
        self._by_path: dict[str, Path] = {}
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        self._by_number: dict[int, list[Path]] = defaultdict(list)
        for path in _files(folder):
            inner = path.relative_to(folder).as_posix()
            self._by_path.setdefault(name_key(inner), path)
            if path.suffix.lower() not in NO_RECORDINGS:
                self._by_stem[_stem(inner)].append(path)
                if path.stem.isdecimal():
                    self._by_number[int(path.stem)].append(path)
                if "/" in inner:
                    self._by_stem[_stem(path.name)].append(path)

    def find(self, name: str, table_folder: Sequence[str]) -> list[Path]:
        """Returns the files for a name: by the longest end of its path that is one, then by its last part alone."""
        parts = PurePosixPath(name).parts
        ends = ["/".join(parts[i:]) for i in range(len(parts))]
        relative = ["/".join((*table_folder, end)) for end in ends]
        for wanted in (end for pair in zip(relative, ends, strict=True) for end in pair):
            if path := self._by_path.get(name_key(wanted)):
                return [path]
        for wanted in (end for pair in zip(relative, ends, strict=True) for end in pair):
            if found := self._by_stem.get(_stem(wanted)) or self._by_stem.get(name_key(wanted)):
                same_name = [path for path in found if name_key(path.name) == name_key(PurePosixPath(name).name)]
                return same_name or found
        return self._numbered(parts)

    def _numbered(self, parts: Sequence[str]) -> list[Path]:
        """Returns the files whose name is the same number, such as 0001.wav for 1."""
        match = NUMBER.fullmatch(_stem(parts[-1])) or NUMBER.fullmatch(parts[-1]) if parts else None
        if match is None:
            return []
        found = self._by_number.get(int(match[1]), [])
        folder = name_key("/".join(parts[:-1]))
        return [path for path in found if name_key(path.parent.as_posix()).endswith(folder)] if folder else found


def _spellings(name: str) -> Iterator[str]:
    """Yields a name as it is written, without URL encoding, and as a zip archive of another code page has it."""
    yield name
    if "%" in name:
        yield unquote(name)
    if not name.isascii():
        for code_page in ZIP_CODE_PAGES:
            with suppress(UnicodeError):
                yield name.encode(code_page).decode("cp437")


def _shown(path: Path, others: Sequence[Path]) -> str:
    """Returns the name of a file, with its folder if the others have other folders."""
    return path.name if len({other.parent for other in others}) == 1 else f"{path.parent.name}/{path.name}"


def _stem(name: str) -> str:
    return name_key(os.path.splitext(name)[0])


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders.sort()
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))
