"""Batches limited by seconds of audio instead of a number of examples."""

import numpy as np
import pytest

from qal.training.data.buckets import LengthBucketSampler, ResumePosition


def draw_indices(sampler: LengthBucketSampler) -> list[list[int]]:
    return [[draw.draw_index for draw in batch] for batch in sampler]


@pytest.mark.parametrize("epoch", range(3))
def test_no_batch_exceeds_batch_seconds_and_every_example_is_drawn_once(epoch: int):
    durations = np.random.default_rng(0).uniform(0.5, 20, 203)
    sampler = LengthBucketSampler(durations, 8, 1, batch_seconds=60.0)
    sampler.set_epoch(epoch)
    batches = draw_indices(sampler)
    assert sorted(index for batch in batches for index in batch) == list(range(203))
    assert len(batches) == len(sampler)  # in every epoch, because the learning-rate schedule counts on it
    padded_seconds = [len(batch) * durations[batch].max() for batch in batches]
    assert max(padded_seconds) <= 60
    assert np.mean(padded_seconds) > 40


def test_batches_by_seconds_depend_on_seed_and_epoch_and_can_be_resumed():
    durations = np.random.default_rng(0).uniform(0.5, 20, 103)
    complete, resumed = (LengthBucketSampler(durations, 8, 0, batch_seconds=40.0) for _ in range(2))
    resumed.resume_at(ResumePosition(0, 5))
    assert list(resumed) == list(complete)[5:]
    complete.set_epoch(1)
    assert list(complete) != list(resumed)


def test_example_longer_than_batch_seconds_is_a_batch_of_its_own():
    batches = draw_indices(LengthBucketSampler([1, 1, 9], 8, 0, batch_seconds=3.0))
    assert sorted(map(sorted, batches)) == [[0, 1], [2]]


def test_batches_hold_batch_size_examples_unless_batch_seconds_is_set():
    assert len(LengthBucketSampler([1.0] * 32, 16, 0)) == 2
    assert len(LengthBucketSampler([1.0] * 32, 16, 0, batch_seconds=5)) == 8
