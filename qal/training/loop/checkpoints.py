"""Checkpoints: written to a temporary file, checked and renamed; the previous one is kept as a fallback.

checkpoints/last.ckpt · previous.ckpt, each with trainable weights, optimizer, scheduler, loop and counters"""

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
from qal.jobs.kept_checkpoints import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT
from qal.jobs.options.running import CheckpointOptions
from qal.training.data.buckets import ResumePosition

MIN_FREE_BYTES = 64 * 2**20  # left for metrics, status and log
BYTES_PER_WEIGHT = 4
ADAM_COPIES = 3  # each weight and its two moments
TORCH_WRITER = "inline_container"  # torch reports a full disk as a RuntimeError that names this source file
UNPICKLING_ERRORS = (  # everything that unpickling damaged bytes may raise
    *(OSError, RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, NotImplementedError),
    *(zipfile.BadZipFile, pickle.UnpicklingError, struct.error, zlib.error),
)
REQUIRED_KEYS = ("state_dict", "optimizer_states", "lr_schedulers", "loops", "global_step")
log = logging.getLogger("qal")


class DirectCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints directly to their path; Lightning would write to /tmp, which may be small, and move them."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        torch.save(checkpoint, path)


class Checkpoints:
    """Checkpoints of one run.

    Args:
        folder: the run's folder of checkpoints.
        options: the save intervals.
        trainable_shapes: names and shapes of the trainable weights; a checkpoint with others is refused."""

    def __init__(self, folder: Path, options: CheckpointOptions, trainable_shapes: dict[str, tuple[int, ...]]):
        self.folder, self.options, self.trainable_shapes = folder, options, trainable_shapes
        self.warning: str | None = None  # why the last checkpoint could not be written
        self._saved_at = time.monotonic()

    def is_due(self, step: int) -> bool:
        """True if a checkpoint is due after the step, by steps or by minutes."""
        every_steps, every_minutes = self.options.every_steps, self.options.every_minutes
        minutes = (time.monotonic() - self._saved_at) / 60
        return bool(every_steps and step % every_steps == 0) or bool(every_minutes and minutes >= every_minutes)

    def has_disk_space(self) -> bool:
        """True if the disk has space for a checkpoint; otherwise a warning is logged, once in a row."""
        weights = sum(torch.Size(shape).numel() for shape in self.trainable_shapes.values())
        free = shutil.disk_usage(self.folder).free
        if free < ADAM_COPIES * BYTES_PER_WEIGHT * weights + MIN_FREE_BYTES:
            self._warn(f"the disk is nearly full, {free / 1e6:.0f} MB are free")
            return False
        return True

    def save(self, write: Callable[[Path], None], is_main: bool = True) -> bool:
        """Writes a checkpoint. Every rank must call it; the file of the main process is kept.

        Args:
            write: writes a checkpoint to the path.
            is_main: whether this is the main process.

        Returns:
            False if the checkpoint could not be written; the previous one is kept then."""
        self._saved_at = time.monotonic()
        partial, last = self.folder / f"{LAST_CHECKPOINT}.new", self.folder / LAST_CHECKPOINT
        if not is_main:
            write(partial)
            return True
        try:
            write(partial)
            self.read(partial)
            _sync_to_disk(partial)
            if last.exists():
                last.replace(self.folder / PREVIOUS_CHECKPOINT)
            partial.replace(last)
        except (OSError, RuntimeError, TrainingError) as error:
            if isinstance(error, RuntimeError) and TORCH_WRITER not in str(error):
                raise  # an error of the device, or a bug
            self._warn(str(error))
            return False
        finally:
            _remove(partial)
        self.warning = None
        return True

    def find_latest(self) -> Path | None:
        """Returns the newest valid checkpoint; None if there is no checkpoint.

        Raises TrainingError if there are checkpoints and none is valid."""
        existing = [p for p in (self.folder / LAST_CHECKPOINT, self.folder / PREVIOUS_CHECKPOINT) if p.exists()]
        for path in existing:
            try:
                self.read(path)
            except TrainingError as error:
                log.warning("%s; trying the previous checkpoint", error)
                continue
            return path
        if existing:
            raise TrainingError(
                f"{self.folder}: no checkpoint is valid for this run; delete this folder to train from the start"
            )
        return None

    def read(self, path: Path) -> dict[str, Any]:
        """Reads a checkpoint. Raises TrainingError if it is truncated, damaged or belongs to another run."""
        try:
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip() is not None
            state = None if damaged else torch.load(path, map_location="cpu", weights_only=True)
        except UNPICKLING_ERRORS as error:
            raise TrainingError(f"{path.name} is truncated or damaged") from error
        if damaged or not isinstance(state, dict) or any(name not in state for name in REQUIRED_KEYS):
            raise TrainingError(f"{path.name} is not a complete checkpoint")
        if {name: tuple(weight.shape) for name, weight in state["state_dict"].items()} != self.trainable_shapes:
            raise TrainingError(f"{path.name} belongs to another run")
        return state

    def position(self, path: Path) -> ResumePosition:
        """Returns the epoch at which the checkpoint resumes, and the batches of it that are done."""
        loops = self.read(path)["loops"]["fit_loop"]
        batches, epochs = loops["epoch_loop.batch_progress"], loops["epoch_progress"]["current"]
        if not batches["is_last_batch"]:
            return ResumePosition(epochs["processed"], batches["current"]["processed"])
        epoch_is_over = epochs["processed"] == epochs["started"]
        return ResumePosition(epochs["processed"] if epoch_is_over else epochs["processed"] + 1, 0)

    def _warn(self, reason: str) -> None:
        warning = f"no checkpoint could be written ({reason}); the previous one is kept: free some disk space"
        if self.warning is None:
            log.warning(warning)
        self.warning = warning


def _sync_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
