"""Disk usage of models, runs, datasets, caches and the trash, and how to clear the last two."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.constants import HF_HUB_CACHE

from qal.checks.findings import gigabytes
from qal.checks.storage import disk_space
from qal.engine.catalogue import models_folder
from qal.errors import ModelError, TrainingError
from qal.jobs.job import TRASH_FOLDER
from qal.jobs.queue import running_job
from ui_components.app.studio import Studio
from ui_components.models.inventory import CONVERTED, EXPORTS, folder_bytes
from ui_components.models.removal import empty_folder, empty_trash, trash_folder

CLEAR_LABELS = {"trash": "Empty the trash", "cache": "Clear the cache"}


@dataclass(frozen=True)
class DiskUsage:
    """A line of the table."""

    name: str
    folder: Path
    size: int  # bytes
    about: str


def disk_usage(studio: Studio) -> list[DiskUsage]:
    models, runs, hub = models_folder(), studio.runs, Path(HF_HUB_CACHE)
    cached = [folder_bytes(models / name) for name in (CONVERTED, EXPORTS) if not (models / name).is_symlink()]
    trash = folder_bytes(runs / TRASH_FOLDER)
    checkpoints = sum(folder_bytes(folder) for folder in runs.glob("*/checkpoints")) if runs.is_dir() else 0
    return [
        DiskUsage("Models", models, folder_bytes(models) - sum(cached), "installed models"),
        DiskUsage("Hub cache", hub, folder_bytes(hub), "shared with other programs"),
        DiskUsage("Runs", runs, folder_bytes(runs) - trash, f"including {gigabytes(checkpoints)} checkpoints"),
        DiskUsage("Datasets", studio.data, folder_bytes(studio.data), ""),
        DiskUsage(
            "Cache", models / CONVERTED, sum(cached), f"and {EXPORTS}: models in other formats, created on demand"
        ),
        DiskUsage("Trash", runs / TRASH_FOLDER, trash, "deleted runs and models"),
    ]


def clear_storage(studio: Studio, storage: str) -> None:
    """Empties the "trash" or the "cache".

    Raises TrainingError or ModelError while a run, a download or an export may use the cache; StorageError."""
    if storage == "trash":
        empty_trash(studio.runs)
        return
    busy = running_job(studio.runs)
    if busy:
        raise TrainingError(f"run {busy.id} may be reading the cache; wait until it ends")
    if studio.background_commands.any_running("fetch:", "export:"):
        raise ModelError("an export or a download is using the cache; wait until it ends, or stop it")
    for name in (CONVERTED, EXPORTS):
        empty_folder(models_folder() / name)


def confirmation_question(studio: Studio, storage: str) -> str:
    """The question before "trash" or "cache" is emptied, "" if it is empty already."""
    caches = [models_folder() / name for name in (CONVERTED, EXPORTS)]
    folders = [trash_folder(studio.runs)] if storage == "trash" else caches
    entries = sum(len(list(folder.iterdir())) for folder in folders if folder.is_dir())
    if not entries:
        return ""
    if storage == "trash":
        return f"Delete the {entries} entries of `{folders[0]}` permanently? They cannot be restored."
    return "Delete the converted and the exported models? They are created again on demand."


def disk_html(usage: Sequence[DiskUsage]) -> str:
    """A table with a bar for each folder, relative to the largest, and the free space of each disk."""
    largest = max((line.size for line in usage), default=0) or 1
    rows = "".join(_row(line, line.size / largest) for line in usage)
    disks = dict.fromkeys(disk_space(line.folder) for line in usage)  # several folders may be on one disk
    free = ", ".join(f"{gigabytes(disk.free)} of {gigabytes(disk.total)}" for disk in disks)
    table = f'<div class="qal-table qal-disk" tabindex="0" role="region" aria-label="Disk"><table>{rows}</table></div>'
    return f'{table}<p class="qal-muted">Free: {free}.</p>'


def _row(line: DiskUsage, share: float) -> str:
    about = f" · {html.escape(line.about)}" if line.about else ""
    bar = f'<div class="qal-bar"><i style="width:{100 * share:.0f}%"></i></div>'
    location = f"<code>{html.escape(str(line.folder))}</code>{about}"
    return f"<tr><td>{line.name}</td><td>{gigabytes(line.size)}</td><td>{bar}</td><td>{location}</td></tr>"
