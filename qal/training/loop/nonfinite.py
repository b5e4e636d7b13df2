"""Steps whose loss or gradient is not finite: they are skipped and counted, and too many in a row end the run."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.nn.utils import get_total_norm

from qal.errors import TrainingError
from qal.jobs.options.running import FaultOptions
from qal.training.loop.optimizer import skips_on_device

CHECK_STEPS = 20  # interval at which a device other than the CPU is asked how many steps were skipped in a row


class SkippedSteps(pl.Callback):
    """Skips the optimizer's update where a gradient is not finite, so that the step changes no weight.

    The step still counts, and so does its learning rate. A fused optimizer decides on the device, so that the device
    is not synchronised; for the others the gradients are cleared. In float16 the GradScaler skips the update itself
    and halves its scale; here the step is only counted. Gradients are checked after the reduction over the ranks, so
    all ranks decide alike. The counts stay on the device until they are read."""

    def __init__(self, options: FaultOptions):
        self.options = options
        self.gradient_norm: Tensor | None = None  # () of the last step, before clipping; None without a gradient
        self._counts = torch.zeros(3, dtype=torch.int64)  # skipped: in all, in a row until now, at most in a row

    @property
    def total(self) -> int:
        """Number of skipped steps; reading it waits for the device."""
        return int(self._counts[0])

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        self.gradient_norm = get_total_norm(gradients).detach() if gradients else None
        skipped = torch.tensor(False) if self.gradient_norm is None else ~torch.isfinite(self.gradient_norm)
        self._count(skipped)
        if skips_on_device(optimizer):
            optimizer.found_inf = skipped.float()  # pyright: ignore[reportAttributeAccessIssue]
        elif getattr(trainer.precision_plugin, "scaler", None) is None and bool(skipped):
            optimizer.zero_grad(set_to_none=True)

    def _count(self, skipped: Tensor) -> None:
        total, in_a_row, most = self._counts.to(skipped.device).unbind()
        in_a_row = (in_a_row + 1) * skipped
        self._counts = torch.stack([total + skipped, in_a_row, torch.maximum(most, in_a_row)])

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Ends the run here and not earlier, so that the last skipped step is in the metrics.

        The steps of the check are the same on all ranks."""
        if self._counts.device.type != "cpu" and trainer.global_step % CHECK_STEPS:
            return
        most = int(self._counts[2])
        if most >= self.options.skipped_steps:
            raise TrainingError(
                f"{most} steps in a row had a loss or gradient that is not finite; lower learning_rate "
                "(try a tenth), or set precision to 32-true"
            )

    def state_dict(self) -> dict[str, int]:
        total, in_a_row, _ = self._counts.tolist()
        return {"total": total, "in_a_row": in_a_row}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self._counts = torch.tensor([state_dict["total"], state_dict["in_a_row"], 0])
