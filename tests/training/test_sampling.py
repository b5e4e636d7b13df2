"""Weights of datasets, curriculum, resume and ranks of the batch sampler; reproducible batches."""

import itertools

import numpy as np
import pytest

from qal.audio.samples import SAMPLE_RATE
from qal.corpus.manifest import Corpus
from qal.engine.decoding import Tokenizer
from qal.errors import OptionError
from qal.jobs.options.data import CurriculumOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import check_config
from qal.training.data.buckets import CURRICULUM_STAGES, Draw, LengthBucketSampler, ResumePosition
from qal.training.data.data_module import SpeechDataModule, make_data_module, make_examples
from qal.training.data.examples import Batch
from qal.training.data.sampling import difficulty, estimated_snr_db, make_sampler
from tests.fakes import noise

N_EXAMPLES = 103
DURATIONS = np.random.default_rng(0).uniform(0.5, 20, N_EXAMPLES)
WEIGHTS = np.repeat([1.0, 2.0, 0.5, 0.01], [40, 20, 40, 3])


def draws_of_epoch(sampler: LengthBucketSampler, epoch: int, batches_done: int = 0) -> list[list[int]]:
    """Draw indices of each batch of the epoch, after those that are done."""
    sampler.set_epoch(epoch)
    if batches_done:
        sampler.resume_at(ResumePosition(epoch, batches_done))
    return [[draw.draw_index for draw in batch] for batch in sampler]


def test_examples_of_weight_one_quarter_take_turns_over_four_epochs():
    sampler = LengthBucketSampler(DURATIONS, 8, seed=3, weights=np.full(N_EXAMPLES, 0.25))
    epochs = [{index for batch in draws_of_epoch(sampler, epoch) for index in batch} for epoch in range(4)]
    assert [len(indices) for indices in epochs] == [26] * 4
    assert set.union(*epochs) == set(range(N_EXAMPLES))


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_example_is_drawn_as_often_as_its_weight(epoch: int):
    sampler = LengthBucketSampler(DURATIONS, 8, 1, weights=WEIGHTS)
    batches = draws_of_epoch(sampler, epoch)
    draws = [index for batch in batches for index in batch]
    assert len(set(draws)) == len(draws) == 40 + 2 * 20 + 20 + 1
    assert len(batches) == len(sampler)
    counts = np.bincount([index % N_EXAMPLES for index in draws], minlength=N_EXAMPLES)
    assert (counts[:40] == 1).all()
    assert (counts[40:60] == 2).all()
    assert counts[60:100].max() == 1
    assert counts[60:100].sum() == 20


def test_examples_of_weight_one_half_differ_between_epochs():
    sampler = LengthBucketSampler(DURATIONS, 8, 1, weights=np.full(N_EXAMPLES, 0.5))
    first, second = ({index for batch in draws_of_epoch(sampler, e) for index in batch} for e in (0, 1))
    assert first != second


@pytest.mark.parametrize("curriculum_epochs", [0, 2])
@pytest.mark.parametrize("batches_done", [0, 1, 7])
def test_resumed_epoch_with_weights_and_curriculum_draws_the_remaining_batches(
    curriculum_epochs: int, batches_done: int
):
    def new_sampler() -> LengthBucketSampler:
        return LengthBucketSampler(DURATIONS, 8, 1, None, WEIGHTS, DURATIONS, curriculum_epochs)

    assert draws_of_epoch(new_sampler(), 1, batches_done) == draws_of_epoch(new_sampler(), 1)[batches_done:]
    used = new_sampler()
    draws_of_epoch(used, 0)
    assert draws_of_epoch(used, 1) == draws_of_epoch(new_sampler(), 1)  # earlier epochs have no influence
    assert draws_of_epoch(new_sampler(), 0) != draws_of_epoch(new_sampler(), 1)


def test_curriculum_draws_easy_examples_first_in_its_epochs_alone():
    difficulties = np.random.default_rng(1).uniform(size=N_EXAMPLES)
    sampler = LengthBucketSampler(DURATIONS, 8, 1, difficulties=difficulties, curriculum_epochs=1)
    batches = draws_of_epoch(sampler, 0)
    assert sorted(index for batch in batches for index in batch) == list(range(N_EXAMPLES))
    assert len(batches) == len(sampler)
    size = -(-len(batches) // CURRICULUM_STAGES)
    stages = [
        [index for batch in batches[start : start + size] for index in batch] for start in range(0, len(batches), size)
    ]
    for easier, harder in itertools.pairwise(stages):
        assert difficulties[easier].max() <= difficulties[harder].min()
    assert draws_of_epoch(sampler, 1) == draws_of_epoch(LengthBucketSampler(DURATIONS, 8, 1), 1)


def test_difficulty_measures_are_finite_and_estimated_snr_falls_with_noise(tiny_corpus: Corpus, base_directory):
    examples = make_examples([tiny_corpus], "train", TrainingConfig(), Tokenizer(base_directory))
    for by in ("duration", "words_per_second", "text_length", "snr"):
        assert np.isfinite(difficulty(examples[0], CurriculumOptions(by=by)))
    loud = noise(SAMPLE_RATE)
    loud[::2000] = 0
    half_quiet = np.concatenate([loud, loud * 0.01])
    assert estimated_snr_db(half_quiet) == pytest.approx(40, abs=3)
    assert estimated_snr_db(loud) < estimated_snr_db(half_quiet)
    assert np.isfinite(estimated_snr_db(np.zeros(SAMPLE_RATE, np.float32)))


def test_corpus_weights_apply_to_the_sampler(tiny_corpus: Corpus, base_directory):
    folder = str(tiny_corpus.folder)
    config = check_config({"corpus": [folder], "corpus_weights": {folder + "/": 3}}, "the form")
    examples = make_examples([tiny_corpus], "train", config, Tokenizer(base_directory))
    sampler = make_sampler(examples, config.model_copy(update={"batch_size": 1}))
    assert len(draws_of_epoch(sampler, 0)) == 12


@pytest.mark.parametrize("epoch", [0, 1])
def test_ranks_get_equal_numbers_of_batches_with_weights_and_curriculum(epoch: int):
    samplers = [
        LengthBucketSampler(DURATIONS, 8, 1, None, WEIGHTS, DURATIONS, 1, rank=rank, world_size=3) for rank in range(3)
    ]
    batches_by_rank = [draws_of_epoch(sampler, epoch) for sampler in samplers]
    assert {len(batches) for batches in batches_by_rank} == {len(sampler) for sampler in samplers} == {5}
    assert len({index for batches in batches_by_rank for batch in batches for index in batch}) == 101


@pytest.mark.parametrize("more", [{"curriculum": {"by": "duration"}}, {"corpus_weights": {"data/a": 0.5}}])
def test_batch_seconds_is_refused_with_a_curriculum_or_fractional_weights(more: dict):
    with pytest.raises(OptionError, match="set batch_size"):
        check_config({"corpus": "data/a", "compute": {"batch_seconds": 60}} | more, "the form")


@pytest.mark.parametrize(
    ("weights", "message"), [({"data/other": 1}, "not one of the datasets"), ({"data/a": 0}, "must be above 0")]
)
def test_corpus_weights_of_unknown_corpora_or_out_of_range_are_refused(weights: dict, message: str):
    with pytest.raises(OptionError, match=message):
        check_config({"corpus": "data/a", "corpus_weights": weights}, "the form")


def batch_of(data: SpeechDataModule, epoch: int, draw_indices: list[int]) -> Batch:
    return data.collators.train([Draw(epoch, index) for index in draw_indices])


def same(a: Batch, b: Batch) -> bool:
    return a.mel.shape == b.mel.shape and all((x == y).all() for x, y in zip(a[:3], b[:3], strict=True))


@pytest.mark.parametrize("preset", ["off", "light", "strong"])
def test_batch_depends_on_seed_epoch_and_draws_alone(preset: str, tiny_corpus: Corpus, base_directory):
    targets = {"timestamp_share": 0.5, "previous_share": 0.5}
    config = TrainingConfig.model_validate({"augmentation": {"preset": preset}, "targets": targets})
    examples = make_examples([tiny_corpus], "train", config, Tokenizer(base_directory))
    data, other_data = (make_data_module(examples, examples, config, 80) for _ in range(2))
    first = batch_of(data, 1, [0, 1])
    batch_of(data, 2, [2, 3])
    batch_of(other_data, 1, [3, 1, 0])
    assert same(batch_of(other_data, 1, [0, 1]), first)
    assert same(batch_of(data, 1, [0, 1]), first)  # from the cache, too
    if preset != "off":
        assert not same(batch_of(data, 1, [0, 5]), batch_of(data, 1, [0, 1]))  # copy 1 of example 1 is augmented anew
