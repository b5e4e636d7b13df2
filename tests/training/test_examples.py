"""Labels, random contexts and the batch sampler: order, resume, and several ranks."""

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, WINDOW_FRAMES
from qal.engine.decoding import Tokenizer
from qal.jobs.options.data import ContextOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.buckets import LengthBucketSampler, ResumePosition
from qal.training.data.data_module import make_data_module, make_examples
from qal.training.data.examples import FRAME_MULTIPLE, IGNORED_LABEL, make_labels, random_context
from qal.training.loop.distributed import TrainingProcess


def test_labels_hold_one_start_token_and_the_end_token(tiny_corpus, base_directory):
    tokenizer = Tokenizer(base_directory)
    examples = make_examples([tiny_corpus], "train", TrainingConfig(), tokenizer)
    inputs, labels = make_labels(examples)
    for example, input_ids, label_ids in zip(examples, inputs.tolist(), labels.tolist(), strict=True):
        assert input_ids.count(tokenizer.start) == 1
        predicted = [token for token in label_ids if token != IGNORED_LABEL]
        assert predicted == [*example.text, tokenizer.end]
        assert input_ids[label_ids.index(predicted[0])] == tokenizer.no_timestamps


def test_every_example_is_drawn_once_an_epoch_in_batches_of_similar_length():
    durations = np.random.default_rng(0).uniform(0.5, 20, 103)
    sampler = LengthBucketSampler(durations, 8, seed=1)
    batches = list(sampler)
    assert sorted(draw.draw_index for batch in batches for draw in batch) == list(range(103))
    assert len(batches) == len(sampler)
    ranges = [np.ptp(durations[[draw.draw_index for draw in batch]]) for batch in batches]
    unsorted_ranges = [np.ptp(chunk) for chunk in np.array_split(durations, 13)]
    assert np.mean(ranges) < 0.4 * np.mean(unsorted_ranges)


def test_batch_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        sampler = LengthBucketSampler(np.arange(1, 50), 4, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    def members(seed, epoch):
        return [{draw.draw_index for draw in batch} for batch in order(seed, epoch)]

    assert order(1, 2) == order(1, 2)
    assert members(1, 2) != members(1, 3)
    assert order(1, 2) != order(2, 2)


def test_resumed_epoch_skips_the_batches_that_are_done():
    complete, resumed = LengthBucketSampler(np.arange(1, 50), 4, 0), LengthBucketSampler(np.arange(1, 50), 4, 0)
    resumed.resume_at(ResumePosition(epoch=2, batches_done=5))
    complete.set_epoch(2)
    assert list(resumed) == list(complete)[5:]
    for sampler in (resumed, complete):
        sampler.set_epoch(3)
    assert list(resumed) == list(complete)  # the next epoch is complete


@pytest.mark.parametrize("seed", range(20))
def test_context_holds_the_longest_utterance_and_the_margin(seed: int):
    options = ContextOptions(full_share=0)
    frames = random_context(5 * SAMPLE_RATE, options, np.random.default_rng(seed))
    assert frames % 2 == 0
    assert 500 + 10 <= frames < 500 + 200 + FRAME_MULTIPLE


def test_full_share_of_the_batches_has_a_context_of_30_s():
    rng = np.random.default_rng(0)
    full = [random_context(SAMPLE_RATE, ContextOptions(full_share=0.25), rng) == WINDOW_FRAMES for _ in range(2000)]
    assert 0.2 < np.mean(full) < 0.3


@pytest.mark.parametrize("world_size", [2, 3, 4])
def test_ranks_get_equal_numbers_of_batches_that_hold_every_example(world_size: int):
    durations = np.random.default_rng(0).uniform(0.5, 20, 103)
    samplers = [LengthBucketSampler(durations, 8, 1, rank=rank, world_size=world_size) for rank in range(world_size)]
    batches_by_rank = [list(sampler) for sampler in samplers]
    assert {len(batches) for batches in batches_by_rank} == {-(-13 // world_size)}
    drawn = [draw.draw_index for batches in batches_by_rank for batch in batches for draw in batch]
    assert set(drawn) == set(range(103))
    assert len(drawn) - 103 < 8 * world_size  # some are repeated, so that every rank has the same number of batches


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_ranks_share_the_validation_and_each_has_a_batch(world_size: int, tiny_corpus, base_directory):
    config = TrainingConfig(batch_size=2)
    examples = make_examples([tiny_corpus], "validation", config, Tokenizer(base_directory))
    processes = [TrainingProcess(rank, world_size) for rank in range(world_size)]
    loaders = [make_data_module(examples, examples, config, 80, process).val_dataloader() for process in processes]
    indices_by_rank = [[index for batch in loader.batch_sampler or () for index in batch] for loader in loaders]
    assert {index for indices in indices_by_rank for index in indices} == set(range(len(examples)))
    assert all(indices_by_rank)
