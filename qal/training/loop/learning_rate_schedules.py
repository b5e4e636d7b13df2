"""Learning-rate schedules: warm-up, then one_cycle, linear, cosine or constant."""

import math

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from qal.jobs.options.training_config import TrainingConfig


def make_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, total_steps: int) -> LRScheduler:
    """Makes the schedule of the run, with one learning rate for each optimizer step."""
    if config.optimizer.schedule == "one_cycle":
        return _one_cycle(optimizer, config, total_steps)
    warmup_steps = math.ceil(config.warmup_share * total_steps)
    kind = config.optimizer.schedule

    def share_of_peak(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / warmup_steps
        progress = (step - warmup_steps) / max(total_steps - warmup_steps, 1)
        shares = {"constant": 1.0, "linear": 1 - progress, "cosine": 0.5 * (1 + math.cos(math.pi * progress))}
        return shares[kind]

    return LambdaLR(optimizer, share_of_peak)


def _one_cycle(optimizer: torch.optim.Optimizer, config: TrainingConfig, total_steps: int) -> OneCycleLR:
    warmup_share = min(config.warmup_share, 1 - 1 / total_steps)
    if warmup_share * total_steps <= 1:
        warmup_share = 0.0  # torch divides by warmup_share * total_steps - 1, and by the remaining steps
    cycle_momentum = config.optimizer.beta1 is None
    return OneCycleLR(
        optimizer, config.learning_rate, total_steps=total_steps, pct_start=warmup_share, cycle_momentum=cycle_momentum
    )
