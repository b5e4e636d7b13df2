"""AdamW and its parameter groups."""

from collections.abc import Iterable

import torch
from torch import nn

from qal.jobs.options.training_config import TrainingConfig

BETA1 = 0.9


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """Makes AdamW over the trainable weights of the model."""
    options = config.optimizer
    betas = (BETA1 if options.beta1 is None else options.beta1, options.beta2)
    groups = parameter_groups(model, options.decayed == "matrices", options.weight_decay)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, weight_decay=options.weight_decay)


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
