"""Names what cannot be imported as it is, with the way out: tables of other programs, and archives of other kinds."""

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from qal.audio.decode import AUDIO_SUFFIXES

MAX_LOOKED_AT = 20_000  # files of a folder that no format recognises
UNREAD_TABLE = "is a kind of table that is not read; save it as XLSX or CSV in UTF-8"
UNREAD_ARCHIVE = "is a kind of archive that is not unpacked; unpack it, or make it a .zip"
INNER_ARCHIVE = "is an archive in the source; unpack it, or import it by itself"
ADVICE: Mapping[str, str] = {
    **dict.fromkeys((".xls", ".xlsb", ".xlsm", ".ods", ".numbers", ".gsheet", ".dta", ".sav"), UNREAD_TABLE),
    **dict.fromkeys((".rar", ".7z", ".gz", ".bz2", ".xz", ".zst", ".lzma", ".iso", ".cab"), UNREAD_ARCHIVE),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".tbz2", ".txz"), INNER_ARCHIVE),
}


def unread_reason(path: Path) -> str:
    """Returns why a file is not read and what to do; "" for other files."""
    return ADVICE.get(path.suffix.lower(), "")


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))


def unrecognised_reason(path: Path) -> str:
    """Returns what a source holds that no format recognises; "" if nothing is known about it."""
    if not path.is_dir():
        return unread_reason(path)
    files = list(islice(_files(path), MAX_LOOKED_AT))
    if not files:
        return "is empty; give a folder of recordings"
    named = next((f"{file.name} {reason}" for file in files if (reason := unread_reason(file))), "")
    if named:
        return f"holds no recordings; {named}"
    return "" if any(file.suffix.lower() in AUDIO_SUFFIXES for file in files) else "holds no recordings"
