"""Learning-rate schedules: warm-up, peak, decay, and runs with few steps."""

import itertools

import numpy as np
import pytest
import torch

from qal.jobs.options.training_config import TrainingConfig
from qal.training.loop.learning_rate_schedules import make_schedule
from qal.training.loop.optimizer import make_optimizer

TOTAL_STEPS = 100
PEAK = 1e-3


def config_with(warmup_share: float = 0.1, **optimizer) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {"optimizer": optimizer, "warmup_share": warmup_share, "learning_rate": PEAK},
    )


def learning_rates(config: TrainingConfig, total_steps: int = TOTAL_STEPS) -> list[float]:
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimizer = make_optimizer(torch.nn.ParameterList([weight]), config)
    schedule = make_schedule(optimizer, config, total_steps)
    rates = []
    for _ in range(total_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("schedule", ["one_cycle", "linear", "cosine", "constant"])
def test_learning_rate_rises_to_the_peak_during_warm_up(schedule: str):
    rates = learning_rates(config_with(schedule=schedule))
    assert max(rates) == pytest.approx(PEAK)
    assert 8 <= np.argmax(rates) <= 10
    assert all(a < b for a, b in itertools.pairwise(rates[:10]))


@pytest.mark.parametrize(
    ("schedule", "half", "last"), [("linear", 0.5, 0.01), ("cosine", 0.5, 0.001), ("constant", 1, 1)]
)
def test_learning_rate_after_warm_up_follows_the_schedule(schedule: str, half: float, last: float):
    rates = learning_rates(config_with(schedule=schedule))
    assert rates[55] == pytest.approx(half * PEAK, rel=0.02)
    assert rates[-1] <= last * PEAK * 1.2
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


@pytest.mark.parametrize("warmup_share", [0.0, 0.1, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("total_steps", [1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("schedule", ["one_cycle", "linear"])
def test_schedule_of_few_steps_has_finite_rates_up_to_the_peak(schedule: str, total_steps: int, warmup_share: float):
    rates = learning_rates(config_with(warmup_share, schedule=schedule), total_steps)
    assert np.isfinite(rates).all()
    assert max(rates) <= 1.001 * PEAK


def test_without_warm_up_the_first_step_is_at_the_peak():
    assert learning_rates(config_with(warmup_share=0.0, schedule="linear"))[0] == PEAK
