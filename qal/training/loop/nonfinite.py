"""Steps whose loss or gradient is not finite: skipped, counted, and the end of the run when they do not stop."""

import logging
import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.utils import get_total_norm

from qal.errors import TrainingError
from qal.jobs.options.running import FaultOptions

OUT_OF_MEMORY = (
    "out of memory, and not in a batch's own computation, which would be divided; choose a smaller batch_size, "
    "lora.rank or base model, or end other programs, and start again"
)
WORKER_DIED = (
    "a process that loads audio was killed, as happens when memory or /dev/shm is full; start again with "
    "--machine.workers 0"
)
log = logging.getLogger("qal")


class SkippedSteps(pl.Callback):
    """Takes the gradients away, so that the optimizer changes nothing; the step and its learning rate are spent.

    Nothing else changes: the same data later meets the same weights. In float16 the GradScaler skips the update
    itself and halves its scale, so here it is only counted. Gradients are looked at after they were summed over
    the ranks: all of them decide alike."""

    def __init__(self, options: FaultOptions):
        self.options = options
        self.total, self.in_a_row = 0, 0
        self.last = False  # whether the step just made was skipped
        self.gradient_norm = math.nan  # of the step just made, before clipping

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self.gradient_norm = float(get_total_norm(gradients)) if gradients else math.nan
        self.last = bool(gradients) and not math.isfinite(self.gradient_norm)
        self.in_a_row = self.in_a_row + 1 if self.last else 0
        if not self.last:
            return
        self.total += 1
        log.warning("step %d: the loss or its gradient is not finite; skipped", trainer.global_step + 1)
        if getattr(trainer.precision_plugin, "scaler", None) is None:
            optimizer.zero_grad(set_to_none=True)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Only now, so that the last of them is in the metrics, too."""
        if self.in_a_row >= self.options.skipped_steps:
            raise TrainingError(
                f"{self.in_a_row} steps in a row had a loss or gradient that is not finite; lower learning_rate "
                "(a tenth is a good try), or set precision to 32-true"
            )

    def state_dict(self) -> dict[str, int]:
        return {"total": self.total, "in_a_row": self.in_a_row}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.total, self.in_a_row = state_dict["total"], state_dict["in_a_row"]
