"""Memory that glibc holds after it was freed: given back now and then, or a run on a CPU grows with every new shape."""

import ctypes
import ctypes.util
from typing import Any

import pytorch_lightning as pl

EVERY_STEPS = 10  # giving back means fetching again: each time costs part of a second


class FreedMemory(pl.Callback):
    """Every few steps, and after a validation, the heap's free pages go back to the system. glibc only."""

    def __init__(self) -> None:
        name = ctypes.util.find_library("c")
        self._trim = getattr(ctypes.CDLL(name), "malloc_trim", None) if name else None

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step % EVERY_STEPS == 0:
            self._give_back()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._give_back()

    def _give_back(self) -> None:
        if self._trim:
            self._trim(0)
