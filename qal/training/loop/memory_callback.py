"""Callback that returns freed memory to the system: with glibc, training on a CPU grows with every new tensor shape."""

from typing import Any

import pytorch_lightning as pl

from qal.engine.memory import release_free_memory

INTERVAL_STEPS = 10  # a call costs part of a second, because memory must be allocated again


class ReleaseFreeMemory(pl.Callback):
    """Returns free heap pages to the system every INTERVAL_STEPS steps and after each validation (glibc only)."""

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step % INTERVAL_STEPS == 0:
            release_free_memory()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        release_free_memory()
