"""Checkpoints: written beside, checked, renamed. The one before is kept, so that a run always has one that is whole.

checkpoints/last.ckpt · previous.ckpt, each with the trained weights, optimizer, scheduler, loop and counters"""

import logging
import os
import pickle
import shutil
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from qal.errors import TrainingError
from qal.jobs.options.running import CheckpointOptions
from qal.training.data.buckets import Position

LAST_CHECKPOINT = "last.ckpt"
PREVIOUS_CHECKPOINT = "previous.ckpt"
SPARE_BYTES = 64 * 2**20  # left free for metrics, status and log
WRITER = "inline_container"  # torch's own error of a full disk is a RuntimeError that names its file
ADAM_STATES = 3  # the weights and two moments of each
DAMAGED = (  # whatever unpickling bytes that are not ours may raise
    *(OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
    *(zipfile.BadZipFile, pickle.UnpicklingError, struct.error, zlib.error),
)
NEEDED = ("state_dict", "optimizer_states", "lr_schedulers", "loops", "global_step")
log = logging.getLogger("qal")


class PlainFiles(TorchCheckpointIO):
    """Writes straight to the path: Lightning would write to /tmp, which may be small, and move it."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        torch.save(checkpoint, path)


class Checkpoints:
    """Those of one run; `trained` names its trained weights and their shapes, so that no foreign one is taken."""

    def __init__(self, folder: Path, options: CheckpointOptions, trained: dict[str, tuple[int, ...]]):
        self.folder, self.options, self.trained = folder, options, trained
        self.warning: str | None = None  # why the newest could not be written, once
        self._saved_at = time.monotonic()

    def due(self, step: int) -> bool:
        o = self.options
        minutes = (time.monotonic() - self._saved_at) / 60
        return bool(o.every_steps and step % o.every_steps == 0) or bool(o.every_minutes and minutes >= o.every_minutes)

    def has_room(self) -> bool:
        """False, and said once, when the disk is too full for a whole one."""
        weights = 4 * sum(torch.Size(shape).numel() for shape in self.trained.values())
        free = shutil.disk_usage(self.folder).free
        if free < ADAM_STATES * weights + SPARE_BYTES:
            self._warn(f"the disk is nearly full, {free / 1e6:.0f} MB are free")
            return False
        return True

    def save(self, write: Callable[[Path], None], leads: bool = True) -> bool:
        """Calls `write`, on every rank, and keeps the leader's file.

        False when it could not be whole: then the old one stays."""
        self._saved_at = time.monotonic()
        beside, last = self.folder / f"{LAST_CHECKPOINT}.new", self.folder / LAST_CHECKPOINT
        if not leads:
            write(beside)
            return True
        try:
            write(beside)
            self.read(beside)
            _to_disk(beside)
            if last.exists():
                last.replace(self.folder / PREVIOUS_CHECKPOINT)
            beside.replace(last)
        except (OSError, RuntimeError, TrainingError) as error:
            if isinstance(error, RuntimeError) and WRITER not in str(error):
                raise  # a fault of the device, or ours
            self._warn(str(error))
            return False
        finally:
            _remove(beside)
        self.warning = None
        return True

    def find(self) -> Path | None:
        """The newest one that is whole; None where there is none at all. Raises TrainingError when all are broken."""
        present = [p for p in (self.folder / LAST_CHECKPOINT, self.folder / PREVIOUS_CHECKPOINT) if p.exists()]
        for path in present:
            try:
                self.read(path)
            except TrainingError as error:
                log.warning("%s; the one before is tried", error)
                continue
            return path
        if present:
            raise TrainingError(
                f"{self.folder}: no checkpoint is whole and of this run; delete this folder to train from the start"
            )
        return None

    def read(self, path: Path) -> dict[str, Any]:
        """Its contents. Raises TrainingError when it is truncated, damaged or of another run."""
        try:
            with zipfile.ZipFile(path) as archive:
                torn = archive.testzip()
            state = None if torn else torch.load(path, map_location="cpu", weights_only=True)
        except DAMAGED as error:
            raise TrainingError(f"{path.name} is truncated or damaged") from error
        if torn or not isinstance(state, dict) or any(name not in state for name in NEEDED):
            raise TrainingError(f"{path.name} is not a whole checkpoint")
        if {name: tuple(weight.shape) for name, weight in state["state_dict"].items()} != self.trained:
            raise TrainingError(f"{path.name} is of another run")
        return state

    def position(self, path: Path) -> Position:
        """The epoch that goes on and its batches that are behind us."""
        loops = self.read(path)["loops"]["fit_loop"]
        batches, epoch = loops["epoch_loop.batch_progress"], loops["epoch_progress"]["current"]["processed"]
        if not batches["is_last_batch"]:
            return Position(epoch, batches["current"]["processed"])
        ended = loops["epoch_progress"]["current"]
        return Position(epoch if ended["processed"] == ended["started"] else epoch + 1, 0)

    def _warn(self, reason: str) -> None:
        sentence = f"no checkpoint could be written ({reason}); the one before stays: free some space"
        if self.warning is None:
            log.warning(sentence)
        self.warning = sentence


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
