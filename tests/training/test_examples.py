import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE, WINDOW_FRAMES
from qal.engine.decoding import Tokenizer
from qal.jobs.options.data import ContextOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.training.data.buckets import LengthBuckets, Position
from qal.training.data.data_module import make_examples, speech_data
from qal.training.data.examples import FRAME_STEP, IGNORED, label_rows, random_context
from qal.training.loop.distributed import Ranks


def test_labels_hold_one_start_token_and_never_lose_the_end(tiny_corpus, base_directory):
    tokenizer = Tokenizer(base_directory)
    examples = make_examples([tiny_corpus], "train", TrainingConfig(), tokenizer)
    inputs, labels = label_rows(examples)
    for example, read, said in zip(examples, inputs.tolist(), labels.tolist(), strict=True):
        assert read.count(tokenizer.start) == 1
        spoken = [t for t in said if t != IGNORED]
        assert spoken == [*example.text, tokenizer.end]
        assert read[said.index(spoken[0])] == tokenizer.no_timestamps


def test_every_row_comes_once_an_epoch_in_batches_of_like_length():
    durations = np.random.default_rng(0).uniform(0.5, 20, 103)
    buckets = LengthBuckets(durations, 8, seed=1)
    batches = list(buckets)
    assert sorted(row for b in batches for _, row in b) == list(range(103))
    assert len(batches) == len(buckets)
    assert np.mean([np.ptp(durations[[row for _, row in b]]) for b in batches]) < 0.4 * np.mean(
        [np.ptp(c) for c in np.array_split(durations, 13)]
    )


def test_the_order_comes_from_seed_and_epoch_alone():
    def order(seed, epoch):
        buckets = LengthBuckets(np.arange(1, 50), 4, seed)
        buckets.set_epoch(epoch)
        return list(buckets)

    assert order(1, 2) == order(1, 2)
    assert [{row for _, row in b} for b in order(1, 2)] != [{row for _, row in b} for b in order(1, 3)]
    assert order(1, 2) != order(2, 2)


def test_a_stopped_epoch_goes_on_where_it_was():
    whole, rest = LengthBuckets(np.arange(1, 50), 4, 0), LengthBuckets(np.arange(1, 50), 4, 0)
    rest.resume_at(Position(epoch=2, batches=5))
    whole.set_epoch(2)
    assert list(rest) == list(whole)[5:]
    for buckets in (rest, whole):
        buckets.set_epoch(3)
    assert list(rest) == list(whole)  # the next epoch is whole again


@pytest.mark.parametrize("seed", range(20))
def test_the_context_holds_the_longest_utterance_and_its_margin(seed: int):
    options = ContextOptions(full_share=0)
    frames = random_context(5 * SAMPLE_RATE, options, np.random.default_rng(seed))
    assert frames % 2 == 0
    assert 500 + 10 <= frames < 500 + 200 + FRAME_STEP


def test_a_share_of_batches_is_heard_at_30_s():
    rng = np.random.default_rng(0)
    full = [random_context(SAMPLE_RATE, ContextOptions(full_share=0.25), rng) == WINDOW_FRAMES for _ in range(2000)]
    assert 0.2 < np.mean(full) < 0.3


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_ranks_get_equal_numbers_of_batches_that_hold_every_row(ranks: int):
    durations = np.random.default_rng(0).uniform(0.5, 20, 103)
    of_rank = [list(LengthBuckets(durations, 8, 1, rank=rank, ranks=ranks)) for rank in range(ranks)]
    assert {len(batches) for batches in of_rank} == {-(-13 // ranks)}
    seen = [row for batches in of_rank for b in batches for _, row in b]
    assert set(seen) == set(range(103))
    assert len(seen) - 103 < 8 * ranks  # a few come twice, so that nobody waits for a batch that never comes


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
def test_ranks_share_the_validation_and_none_is_without(ranks: int, tiny_corpus, base_directory):
    config = TrainingConfig(batch_size=2)
    examples = make_examples([tiny_corpus], "validation", config, Tokenizer(base_directory))
    loaders = [speech_data(examples, examples, config, 80, Ranks(i, ranks)).val_dataloader() for i in range(ranks)]
    rows = [[row for batch in loader.batch_sampler or () for row in batch] for loader in loaders]
    assert {row for of_rank in rows for row in of_rank} == set(range(len(examples)))
    assert all(rows)
