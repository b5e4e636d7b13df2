"""Memory that glibc holds after it was freed: given back now and then, or a run on a CPU grows with every new shape."""

from typing import Any

import pytorch_lightning as pl

from qal.engine.memory import give_back

EVERY_STEPS = 10  # giving back means fetching again: each time costs part of a second


class FreedMemory(pl.Callback):
    """Every few steps, and after a validation, the heap's free pages go back to the system. glibc only."""

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_step % EVERY_STEPS == 0:
            give_back()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        give_back()
