"""Writes the pointer file of a corpus for DVC (dvc.org): its hashes and sizes, for a Git repository.

    data/NAME.dvc      outs: the folder's audio/, manifest.jsonl and corpus.json, in DVC's format

`dvc commit NAME.dvc` then takes the files into DVC's own cache."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from qal.corpus.importers.staging import AUDIO_FOLDER
from qal.corpus.manifest import CORPUS_INFO_FILE, MANIFEST_FILE
from qal.errors import CorpusError
from qal.storage import require_regular, storage_errors

DVC_SUFFIX = ".dvc"
TRACKED = (AUDIO_FOLDER, MANIFEST_FILE, CORPUS_INFO_FILE)


def write_dvc_file(folder: Path) -> Path:
    """Writes NAME.dvc beside the corpus folder. Returns its path.

    Raises CorpusError if the folder is no corpus, StorageError if the file cannot be written."""
    folder = folder.resolve()
    if not (folder / MANIFEST_FILE).is_file():
        raise CorpusError(f"{folder}: not a dataset, {MANIFEST_FILE} is missing")
    path = folder.with_name(folder.name + DVC_SUFFIX)
    outs = [_output(folder, name) for name in TRACKED if (folder / name).exists()]
    with storage_errors(str(path)):
        new = path.with_name(f".{path.name}.new")
        new.write_text(yaml.safe_dump({"outs": outs}, sort_keys=False), encoding="utf-8")
        new.replace(path)
    return path


def folder_entry(folder: Path) -> Mapping[str, Any]:
    """Returns DVC's entry of a folder: the MD5 of a JSON list of its files, their number and size."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    hashes = [
        {"md5": _md5(path), "relpath": path.relative_to(folder).as_posix()} for path in tqdm(files, desc="hashes")
    ]
    listing = json.dumps(sorted(hashes, key=lambda entry: entry["relpath"]), sort_keys=True)
    digest = hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()
    return {"md5": f"{digest}.dir", "size": sum(path.stat().st_size for path in files), "nfiles": len(files)}


def _output(folder: Path, name: str) -> Mapping[str, Any]:
    path = folder / name
    entry = folder_entry(path) if path.is_dir() else {"md5": _md5(path), "size": path.stat().st_size}
    return {**entry, "hash": "md5", "path": f"{folder.name}/{name}"}


def _md5(path: Path) -> str:
    with require_regular(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
