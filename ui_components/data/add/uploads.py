"""Uploaded files: kept outside of Gradio's folder, which is emptied every hour.

Gradio stores equal files of all users once, so they are linked and not moved."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import gradio as gr

from qal.corpus.importers.conversion.archives import is_archive
from qal.errors import StorageError
from qal.storage import format_bytes, storage_errors

UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\]")
MAX_NAME_BYTES = 200


class Upload(NamedTuple):
    """An uploaded file with the name that it has on the user's machine."""

    path: str
    name: str


def uploaded_files(**options: Any) -> gr.File:
    """Returns a `gr.File` whose value is a list of `Upload`.

    Gradio itself gives names without brackets and the like, which tables refer to."""
    files = gr.File(file_count="multiple", **options)
    files.preprocess = original_names  # type: ignore[method-assign]
    return files


def original_names(payload: Any) -> list[Upload]:
    """Returns the files that the browser has uploaded, with their names on the user's machine."""
    files = [] if payload is None else getattr(payload, "root", payload)
    return [Upload(file.path, file.orig_name or Path(file.path).name) for file in files]


def store_upload(uploads: Sequence[Upload], folder: Path) -> Path:
    """Puts uploaded files into a new folder and returns what is imported: the only file, or the folder.

    Raises StorageError if there is no room for them, or if they are gone."""
    with storage_errors("the upload"):
        folder.mkdir(parents=True)
        stored = [_linked(upload, folder) for upload in uploads]
    return stored[0] if len(stored) == 1 and is_archive(stored[0]) else folder


def describe_upload(folder: Path) -> str:
    """Returns the number and the size of the files of an upload."""
    files = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    size = format_bytes(sum(path.stat().st_size for path in files))
    return f"{files[0].name}, {size}" if len(files) == 1 else f"{len(files):,} files, {size}"


def _linked(upload: Upload, folder: Path) -> Path:
    name = UNSAFE.sub("_", PurePosixPath(upload.name.replace("\\", "/")).name).lstrip(".") or "file"
    while len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES:
        name = name[1:]
    target, number = folder / name, 1
    while target.exists():
        number += 1
        target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    try:
        os.link(upload.path, target)
    except FileNotFoundError as error:
        raise StorageError(f"{name}: the uploaded file is no longer on the server; upload it again") from error
    except OSError:  # on another disk, or one without links
        shutil.copyfile(upload.path, target)
    return target
