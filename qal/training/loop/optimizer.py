"""AdamW and its parameter groups."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from qal.jobs.options.training_config import TrainingConfig
from qal.training.loop.precision import resolved_precision

BETA1 = 0.9


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """Makes AdamW over the trainable weights of the model."""
    options = config.optimizer
    betas = (BETA1 if options.beta1 is None else options.beta1, options.beta2)
    groups = parameter_groups(model, options.decayed == "matrices", options.weight_decay)
    fused = True if can_be_fused(model, config) else None
    return torch.optim.AdamW(
        groups, lr=config.learning_rate, betas=betas, weight_decay=options.weight_decay, fused=fused
    )


def can_be_fused(model: nn.Module, config: TrainingConfig) -> bool:
    """True on CUDA devices, where a fused update is faster, with whole weights and without a GradScaler.

    A GradScaler would hand its unscaling to a fused optimizer, and the gradient could not be clipped any more."""
    on_cuda = all(p.device.type == "cuda" for p in model.parameters() if p.requires_grad)
    return on_cuda and config.machine.strategy in ("auto", "ddp") and resolved_precision(config) != "16-mixed"


def is_fused(optimizer: Any) -> bool:
    """True if the optimizer was made with a fused update."""
    return bool(getattr(optimizer, "defaults", {}).get("fused"))


def skips_on_device(optimizer: Any) -> bool:
    """True if the optimizer's update is skipped where its attribute `found_inf` is 1, a tensor on the device.

    Checkpoints of old versions hold the groups of an optimizer that is not fused."""
    return is_fused(optimizer) and all(group.get("fused") for group in optimizer.param_groups)


def parameter_groups(model: nn.Module, matrices_only: bool, weight_decay: float) -> Iterable:
    """Returns the trainable weights as one group, or as one group with weight decay and one without.

    Args:
        model: the model.
        matrices_only: whether biases, norms and adapters are excluded from weight decay.
        weight_decay: weight decay of the first group."""
    trainable = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not matrices_only:
        return [p for _, p in trainable]
    decayed = [p for name, p in trainable if has_weight_decay(name, p)]
    not_decayed = [p for name, p in trainable if not has_weight_decay(name, p)]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": not_decayed, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def has_weight_decay(name: str, weight: torch.Tensor) -> bool:
    """True for matrices, except for an adapter's: they start at zero, and decay would pull them back to it."""
    return weight.ndim > 1 and "lora_" not in name
