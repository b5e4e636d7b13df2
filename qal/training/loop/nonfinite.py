"""Steps whose loss or gradient is not finite: they are skipped and counted, and too many in a row end the run."""

import logging
import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.utils import get_total_norm

from qal.errors import TrainingError
from qal.jobs.options.running import FaultOptions

log = logging.getLogger("qal")


class SkippedSteps(pl.Callback):
    """Clears gradients that are not finite, so that the optimizer changes no weight in this step.

    The step still counts, and so does its learning rate. In float16 the GradScaler skips the update itself and
    halves its scale; here the step is only counted. Gradients are checked after the reduction over the ranks, so
    all ranks decide alike."""

    def __init__(self, options: FaultOptions):
        self.options = options
        self.total, self.consecutive = 0, 0
        self.last_skipped = False
        self.gradient_norm = math.nan  # of the last step, before clipping

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self.gradient_norm = float(get_total_norm(gradients)) if gradients else math.nan
        self.last_skipped = bool(gradients) and not math.isfinite(self.gradient_norm)
        self.consecutive = self.consecutive + 1 if self.last_skipped else 0
        if not self.last_skipped:
            return
        self.total += 1
        log.warning("step %d: the loss or its gradient is not finite; skipped", trainer.global_step + 1)
        if getattr(trainer.precision_plugin, "scaler", None) is None:
            optimizer.zero_grad(set_to_none=True)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Ends the run here and not earlier, so that the last skipped step is in the metrics."""
        if self.consecutive >= self.options.skipped_steps:
            raise TrainingError(
                f"{self.consecutive} steps in a row had a loss or gradient that is not finite; lower learning_rate "
                "(try a tenth), or set precision to 32-true"
            )

    def state_dict(self) -> dict[str, int]:
        return {"total": self.total, "in_a_row": self.consecutive}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.total, self.consecutive = state_dict["total"], state_dict["in_a_row"]
