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
from qal.training.data.buckets import STAGES, LengthBuckets, Position
from qal.training.data.data_module import SpeechData, make_examples, speech_data
from qal.training.data.examples import Batch
from qal.training.data.sampling import hardness_of, make_buckets, signal_to_noise_db
from tests.fakes import noise

DURATIONS = np.random.default_rng(0).uniform(0.5, 20, 103)
WEIGHTS = np.repeat([1.0, 2.0, 0.5, 0.01], [40, 20, 40, 3])


def epoch_of(buckets: LengthBuckets, epoch: int, start_at: int = 0) -> list[list[int]]:
    buckets.set_epoch(epoch)
    if start_at:
        buckets.resume_at(Position(epoch, start_at))
    return [[draw for _, draw in batch] for batch in buckets]


def test_a_share_of_the_rows_takes_turns():
    buckets = LengthBuckets(DURATIONS, 8, seed=3, weights=np.full(len(DURATIONS), 0.25))
    epochs = [{row for batch in _epoch(buckets, epoch) for _, row in batch} for epoch in range(4)]
    assert [len(rows) for rows in epochs] == [26] * 4
    assert set.union(*epochs) == set(range(len(DURATIONS)))


def _epoch(buckets: LengthBuckets, epoch: int) -> list:
    buckets.set_epoch(epoch)
    return list(buckets)


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_a_row_comes_as_often_as_its_weight_says(epoch: int):
    buckets = LengthBuckets(DURATIONS, 8, 1, weights=WEIGHTS)
    batches = epoch_of(buckets, epoch)
    draws = [d for batch in batches for d in batch]
    assert len(set(draws)) == len(draws) == 40 + 2 * 20 + 20 + 1
    assert len(batches) == len(buckets)
    often = np.bincount([d % 103 for d in draws], minlength=103)
    assert (often[:40] == 1).all()
    assert (often[40:60] == 2).all()
    assert often[60:100].max() == 1
    assert often[60:100].sum() == 20


def test_other_rows_of_a_half_come_in_other_epochs():
    buckets = LengthBuckets(DURATIONS, 8, 1, weights=np.full(103, 0.5))
    first, second = ({d for b in epoch_of(buckets, e) for d in b} for e in (0, 1))
    assert first != second


@pytest.mark.parametrize("curriculum_epochs", [0, 2])
@pytest.mark.parametrize("start_at", [0, 1, 7])
def test_a_resumed_epoch_gives_what_was_left_of_it(curriculum_epochs: int, start_at: int):
    def fresh() -> LengthBuckets:
        return LengthBuckets(DURATIONS, 8, 1, None, WEIGHTS, DURATIONS, curriculum_epochs)

    assert epoch_of(fresh(), 1, start_at) == epoch_of(fresh(), 1)[start_at:]
    used = fresh()
    epoch_of(used, 0)
    assert epoch_of(used, 1) == epoch_of(fresh(), 1)  # what went before does not matter
    assert epoch_of(fresh(), 0) != epoch_of(fresh(), 1)


def test_easy_rows_come_first_in_the_first_epochs_alone():
    hardness = np.random.default_rng(1).uniform(size=103)
    buckets = LengthBuckets(DURATIONS, 8, 1, hardness=hardness, curriculum_epochs=1)
    batches = epoch_of(buckets, 0)
    assert sorted(d for b in batches for d in b) == list(range(103))
    assert len(batches) == len(buckets)
    size = -(-len(batches) // STAGES)
    stages = [[d for b in batches[i : i + size] for d in b] for i in range(0, len(batches), size)]
    for easier, harder in itertools.pairwise(stages):
        assert hardness[easier].max() <= hardness[harder].min()
    assert epoch_of(buckets, 1) == epoch_of(LengthBuckets(DURATIONS, 8, 1), 1)


def test_noise_and_haste_and_length_make_a_row_hard(tiny_corpus: Corpus, base_directory):
    examples = make_examples([tiny_corpus], "train", TrainingConfig(), Tokenizer(base_directory))
    for by in ("duration", "words_per_second", "text_length", "snr"):
        assert np.isfinite(hardness_of(examples[0], CurriculumOptions(by=by)))
    loud = noise(SAMPLE_RATE)
    loud[::2000] = 0
    half = np.concatenate([loud, loud * 0.01])
    assert signal_to_noise_db(half) == pytest.approx(40, abs=3)
    assert signal_to_noise_db(loud) < signal_to_noise_db(half)
    assert np.isfinite(signal_to_noise_db(np.zeros(SAMPLE_RATE, np.float32)))


def test_weights_of_corpora_reach_the_sampler(tiny_corpus: Corpus, base_directory):
    folder = str(tiny_corpus.folder)
    config = check_config({"corpus": [folder], "corpus_weights": {folder + "/": 3}}, "the form")
    examples = make_examples([tiny_corpus], "train", config, Tokenizer(base_directory))
    assert len(epoch_of(make_buckets(examples, config.model_copy(update={"batch_size": 1})), 0)) == 12


@pytest.mark.parametrize("epoch", [0, 1])
def test_ranks_share_weighed_and_ordered_rows_in_equal_numbers(epoch: int):
    of_rank = [LengthBuckets(DURATIONS, 8, 1, None, WEIGHTS, DURATIONS, 1, rank=rank, ranks=3) for rank in range(3)]
    batches = [epoch_of(buckets, epoch) for buckets in of_rank]
    assert {len(b) for b in batches} == {len(buckets) for buckets in of_rank} == {5}
    assert len({d for rank in batches for batch in rank for d in batch}) == 101


@pytest.mark.parametrize("more", [{"curriculum": {"by": "duration"}}, {"corpus_weights": {"data/a": 0.5}}])
def test_batches_by_seconds_want_rows_that_can_be_counted(more: dict):
    with pytest.raises(OptionError, match="set batch_size"):
        check_config({"corpus": "data/a", "compute": {"batch_seconds": 60}} | more, "the form")


@pytest.mark.parametrize(
    ("weights", "sentence"), [({"data/other": 1}, "none of the corpora"), ({"data/a": 0}, "not above 0")]
)
def test_a_wrong_weight_is_named(weights: dict, sentence: str):
    with pytest.raises(OptionError, match=sentence):
        check_config({"corpus": "data/a", "corpus_weights": weights}, "the form")


def batch_of(data: SpeechData, epoch: int, draws: list[int]) -> Batch:
    return data.train_batch([(epoch, draw) for draw in draws])


def same(a: Batch, b: Batch) -> bool:
    return a.mel.shape == b.mel.shape and all((x == y).all() for x, y in zip(a[:3], b[:3], strict=True))


@pytest.mark.parametrize("preset", ["off", "light", "strong"])
def test_a_batch_depends_on_seed_epoch_and_draws_alone(preset: str, tiny_corpus: Corpus, base_directory):
    targets = {"timestamp_share": 0.5, "previous_share": 0.5}
    config = TrainingConfig.model_validate({"augmentation": {"preset": preset}, "targets": targets})
    examples = make_examples([tiny_corpus], "train", config, Tokenizer(base_directory))
    one, other = (speech_data(examples, examples, config, 80) for _ in range(2))
    first = batch_of(one, 1, [0, 1])
    batch_of(one, 2, [2, 3])
    batch_of(other, 1, [3, 1, 0])
    assert same(batch_of(other, 1, [0, 1]), first)
    assert same(batch_of(one, 1, [0, 1]), first)  # from the cache, too
    if preset != "off":
        assert not same(batch_of(one, 1, [0, 5]), batch_of(one, 1, [0, 1]))  # copy 1 of row 1 sounds different
