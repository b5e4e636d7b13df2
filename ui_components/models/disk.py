"""Where the disk goes: models, runs, corpora, what can be made again, and the trash."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.constants import HF_HUB_CACHE

from qal.checks.findings import gigabytes
from qal.checks.storage import disk_of
from qal.engine.catalogue import models_folder
from qal.errors import ModelError, TrainingError
from qal.jobs.job import TRASH, running
from ui_components.app.studio import Studio
from ui_components.models.inventory import CONVERTED, EXPORTS, folder_bytes
from ui_components.models.removal import delete_inside, empty_trash, trash_of

EMPTYING = {"trash": "Empty the trash", "cache": "Clear the cache"}


@dataclass(frozen=True)
class Use:
    name: str
    folder: Path
    size: int  # bytes
    about: str


def disk_use(studio: Studio) -> list[Use]:
    models, runs, hub = models_folder(), studio.runs, Path(HF_HUB_CACHE)
    cached = [folder_bytes(models / name) for name in (CONVERTED, EXPORTS) if not (models / name).is_symlink()]
    trash = folder_bytes(runs / TRASH)
    checkpoints = sum(folder_bytes(folder) for folder in runs.glob("*/checkpoints")) if runs.is_dir() else 0
    return [
        Use("Models", models, folder_bytes(models) - sum(cached), "our own cache"),
        Use("Hub's cache", hub, folder_bytes(hub), "shared with other programs of this machine"),
        Use("Runs", runs, folder_bytes(runs) - trash, f"of these, {gigabytes(checkpoints)} checkpoints"),
        Use("Corpora", studio.data, folder_bytes(studio.data), ""),
        Use("Cache", models / CONVERTED, sum(cached), f"and {EXPORTS}: other forms of models, made again when needed"),
        Use("Trash", runs / TRASH, trash, "deleted runs and models"),
    ]


def clear(studio: Studio, what: str) -> None:
    """The trash, or the cache, which a job may be reading. Raises TrainingError, ModelError, StorageError."""
    if what == "trash":
        empty_trash(studio.runs)
        return
    busy = running(studio.runs)
    if busy:
        raise TrainingError(f"run {busy.id} may be reading the cache; wait until it has ended")
    if studio.errands.any_running("fetch:", "export:"):
        raise ModelError("an export or a download is under way in the cache; wait until it has ended, or stop it")
    for name in (CONVERTED, EXPORTS):
        delete_inside(models_folder() / name)


def question(studio: Studio, what: str) -> str:
    """What somebody is asked before it goes; "" where there is nothing."""
    folders = [trash_of(studio.runs)] if what == "trash" else [models_folder() / name for name in (CONVERTED, EXPORTS)]
    entries = sum(len(list(folder.iterdir())) for folder in folders if folder.is_dir())
    if not entries:
        return ""
    if what == "trash":
        return f"Delete the {entries} entries of `{folders[0]}` for good? They cannot be brought back."
    return "Delete the other forms of models, and the exports? They are made again when they are needed."


def disk_html(uses: Sequence[Use]) -> str:
    """A bar for each, against the largest, and what is free."""
    most = max((use.size for use in uses), default=0) or 1
    rows = "".join(_row(use, use.size / most) for use in uses)
    disks = dict.fromkeys(disk_of(use.folder) for use in uses)  # most often one
    told = ", ".join(f"{gigabytes(disk.free)} of {gigabytes(disk.total)}" for disk in disks)
    table = f'<div class="qal-table qal-disk" tabindex="0" role="region" aria-label="Disk"><table>{rows}</table></div>'
    return f'{table}<p class="qal-muted">Free: {told}.</p>'


def _row(use: Use, share: float) -> str:
    about = f" · {html.escape(use.about)}" if use.about else ""
    bar = f'<div class="qal-bar"><i style="width:{100 * share:.0f}%"></i></div>'
    where = f"<code>{html.escape(str(use.folder))}</code>{about}"
    return f"<tr><td>{use.name}</td><td>{gigabytes(use.size)}</td><td>{bar}</td><td>{where}</td></tr>"
