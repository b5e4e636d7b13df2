"""The split of an utterance depends on its normalised text only."""

import hashlib
import random

import pytest

from qal.corpus.split import SPLITS, TEST_SHARE, TRAIN_SHARE, VALIDATION_SHARE, evenly_spaced, split_of

SENTENCES = [f"Sentence number {i} of a corpus." for i in range(2000)]


def splits_of(texts: list[str], language: str = "en") -> dict[str, str]:
    return {text: split_of(text, language, "") for text in texts}


@pytest.mark.parametrize(
    "variant",
    [str.upper, str.lower, lambda s: s.replace(".", "!?"), lambda s: f"  «{s.replace(' ', chr(0xA0) + ' ')}» "],
)
def test_case_punctuation_and_spacing_do_not_change_the_split(variant):
    assert all(split_of(s, "en", "a") == split_of(variant(s), "en", "b") for s in SENTENCES)


def test_same_sentence_by_two_speakers_is_in_one_split():
    assert all(split_of(s, "en", "one recording") == split_of(s, "en", "another") for s in SENTENCES[:50])


def test_split_does_not_depend_on_order_or_other_rows():
    shuffled = random.Random(0).sample(SENTENCES, 500)
    assert splits_of(shuffled) == {text: split for text, split in splits_of(SENTENCES).items() if text in set(shuffled)}


def test_splits_equal_those_of_earlier_versions():
    assert [split_of(s, "en", "") for s in SENTENCES[:6]] == ["validation", "test", "train", "test", "train", "test"]


def test_utterances_without_text_are_split_by_their_audio():
    hashes = [hashlib.sha256(bytes([i])).hexdigest() for i in range(200)]
    assert {split_of("", "en", s) for s in hashes} == set(SPLITS)
    assert [split_of("...", "en", s) for s in hashes] == [split_of("", "en", s) for s in hashes]


def test_split_shares_match_the_constants():
    splits = list(splits_of(SENTENCES).values())
    for split, share in zip(SPLITS, (TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE), strict=True):
        assert splits.count(split) / len(splits) == pytest.approx(share, abs=0.03)


def test_evenly_spaced_selection_covers_the_whole_list():
    rows = list(range(100))
    assert evenly_spaced(rows, None) == evenly_spaced(rows, 100) == evenly_spaced(rows, 1000) == rows
    assert evenly_spaced(rows, 4) == [0, 25, 50, 75]
    assert len(evenly_spaced(rows, 33)) == len(set(evenly_spaced(rows, 33))) == 33
