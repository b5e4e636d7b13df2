"""What decays, how the learning rate goes, how batches are filled."""

import itertools

import numpy as np
import pytest
import torch

from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.buckets import LengthBuckets, Position
from qal.training.loop.optimizer import make_optimizer, make_schedule
from qal.training.model.short_context import load_whisper
from qal.training.model.trainable import make_trainable

STEPS = 100


def config_of(**optimizer) -> TrainingConfig:
    return TrainingConfig.model_validate({"optimizer": optimizer, "warmup_share": 0.1, "learning_rate": 1e-3})


def rates(config: TrainingConfig, steps: int = STEPS) -> list[float]:
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    optimizer = make_optimizer(torch.nn.ParameterList([weight]), config)
    schedule = make_schedule(optimizer, config, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("schedule", ["one_cycle", "linear", "cosine", "constant"])
def test_the_rate_rises_in_the_warm_up_to_the_peak(schedule: str):
    found = rates(config_of(schedule=schedule))
    assert max(found) == pytest.approx(1e-3)
    assert 8 <= np.argmax(found) <= 10
    assert all(a < b for a, b in itertools.pairwise(found[:10]))


@pytest.mark.parametrize(
    ("schedule", "half", "last"), [("linear", 0.5, 0.01), ("cosine", 0.5, 0.001), ("constant", 1, 1)]
)
def test_after_the_warm_up_the_rate_goes_as_its_name_says(schedule: str, half: float, last: float):
    found = rates(config_of(schedule=schedule))
    assert found[55] == pytest.approx(half * 1e-3, rel=0.02)
    assert found[-1] <= last * 1e-3 * 1.2
    assert all(a >= b for a, b in itertools.pairwise(found[10:]))


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 10, 20])
@pytest.mark.parametrize("schedule", ["one_cycle", "linear"])
def test_no_number_of_steps_is_too_few_for_a_schedule(schedule: str, steps: int, warmup: float):
    config = config_of(schedule=schedule).model_copy(update={"warmup_share": warmup})
    found = rates(config, steps)
    assert np.isfinite(found).all()
    assert max(found) <= 1.001e-3


def test_without_a_warm_up_the_first_step_is_at_the_peak():
    config = config_of(schedule="linear").model_copy(update={"warmup_share": 0.0})
    assert rates(config)[0] == 1e-3


@pytest.mark.parametrize("adapter", ["none", "lora"])
def test_biases_norms_and_adapters_are_spared_the_decay(adapter: str, tiny_weights):
    config = TrainingConfig.model_validate({"optimizer": {"decayed": "matrices"}, "trained": {"adapter": adapter}})
    model = make_trainable(load_whisper(tiny_weights), config, "32-true", STEPS)
    optimizer = make_optimizer(model, config)
    decays = {id(p): g["weight_decay"] for g in optimizer.param_groups for p in g["params"]}
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert len(decays) == len(trained)
    for name, parameter in trained.items():
        spared = "bias" in name or "norm" in name or "lora_" in name
        assert decays[id(parameter)] == (0.0 if spared else 0.01)


def test_by_default_all_that_learns_is_one_group_as_old_checkpoints_have_it(tiny_weights):
    config = TrainingConfig()
    model = make_trainable(load_whisper(tiny_weights), config, "32-true", STEPS)
    (group,) = make_optimizer(model, config).param_groups
    assert (group["weight_decay"], group["betas"]) == (0.01, (0.9, 0.999))


@pytest.mark.parametrize("epoch", range(3))
def test_no_batch_holds_more_seconds_than_asked_for_and_every_row_comes_once(epoch: int):
    durations = np.random.default_rng(0).uniform(0.5, 20, 203)
    buckets = LengthBuckets(durations, 8, 1, batch_seconds=60.0)
    buckets.set_epoch(epoch)
    batches = rows_of(buckets)
    assert sorted(i for b in batches for i in b) == list(range(203))
    assert len(batches) == len(buckets)  # in every epoch: the schedule counts on it
    assert max(len(b) * durations[b].max() for b in batches) <= 60
    assert np.mean([len(b) * durations[b].max() for b in batches]) > 40


def test_the_batches_of_an_epoch_come_from_its_seed_and_go_on_where_they_were():
    durations = np.random.default_rng(0).uniform(0.5, 20, 103)
    whole, rest = (LengthBuckets(durations, 8, 0, batch_seconds=40.0) for _ in range(2))
    rest.resume_at(Position(0, 5))
    assert list(rest) == list(whole)[5:]
    whole.set_epoch(1)
    assert list(whole) != list(rest)


def test_a_row_longer_than_a_batch_is_alone():
    assert sorted(map(sorted, rows_of(LengthBuckets([1, 1, 9], 8, 0, batch_seconds=3.0)))) == [[0, 1], [2]]


def test_batches_are_counted_in_rows_unless_seconds_are_given():
    assert len(LengthBuckets([1.0] * 32, 16, 0)) == 2
    assert len(LengthBuckets([1.0] * 32, 16, 0, batch_seconds=5)) == 8


def rows_of(buckets: LengthBuckets) -> list[list[int]]:
    return [[row for _, row in batch] for batch in buckets]
