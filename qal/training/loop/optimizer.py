"""AdamW's groups and the learning rate's schedules."""

import math
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from qal.jobs.options.training_config import TrainingConfig

BETA1 = 0.9


def make_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    options = config.optimizer
    betas = (BETA1 if options.beta1 is None else options.beta1, options.beta2)
    groups = parameter_groups(model, options.decayed == "matrices", options.weight_decay)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, weight_decay=options.weight_decay)


def parameter_groups(model: nn.Module, matrices_only: bool, weight_decay: float) -> Iterable:
    """All that learns in one group, or matrices apart from what should not decay (biases, norms, adapters)."""
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not matrices_only:
        return [p for _, p in trained]
    decayed = [p for name, p in trained if decays(name, p)]
    spared = [p for name, p in trained if not decays(name, p)]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [g for g in groups if g["params"]]


def decays(name: str, weight: torch.Tensor) -> bool:
    """Matrices but for an adapter's, which begin at zero where decay would pull them back to."""
    return weight.ndim > 1 and "lora_" not in name


def make_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, steps: int) -> LRScheduler:
    """One learning rate a step, from the first of them to the last."""
    kind, peak, warmup = config.optimizer.schedule, config.learning_rate, config.warmup_share
    if kind == "one_cycle":
        moved = config.optimizer.beta1 is None
        rising = min(warmup, 1 - 1 / steps)
        rising = rising if rising * steps > 1 else 0.0  # torch divides by rising * steps - 1, and by what is left
        return OneCycleLR(optimizer, peak, total_steps=steps, pct_start=rising, cycle_momentum=moved)
    rising = math.ceil(warmup * steps)

    def share(step: int) -> float:
        if step < rising:
            return (step + 1) / rising
        done = (step - rising) / max(steps - rising, 1)
        falling = {"constant": 1.0, "linear": 1 - done, "cosine": 0.5 * (1 + math.cos(math.pi * done))}
        return falling[kind]

    return LambdaLR(optimizer, share)
