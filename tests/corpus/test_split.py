import hashlib
import random

import pytest

from qal.corpus.split import SPLITS, TEST_SHARE, TRAIN_SHARE, VALIDATION_SHARE, evenly, split_of

SENTENCES = [f"Sentence number {i} of a corpus." for i in range(2000)]


def sides(texts: list[str], language: str = "en") -> dict[str, str]:
    return {text: split_of(text, language, "") for text in texts}


@pytest.mark.parametrize(
    "variant",
    [str.upper, str.lower, lambda s: s.replace(".", "!?"), lambda s: f"  «{s.replace(' ', chr(0xA0) + ' ')}» "],
)
def test_case_punctuation_and_spacing_never_move_a_sentence_to_another_side(variant):
    assert all(split_of(s, "en", "a") == split_of(variant(s), "en", "b") for s in SENTENCES)


def test_the_same_sentence_by_two_speakers_is_on_one_side():
    assert all(split_of(s, "en", "one recording") == split_of(s, "en", "another") for s in SENTENCES[:50])


def test_neither_order_nor_other_rows_decide():
    shuffled = random.Random(0).sample(SENTENCES, 500)
    assert sides(shuffled) == {text: side for text, side in sides(SENTENCES).items() if text in set(shuffled)}


def test_the_split_stays_what_it_was_in_earlier_versions():
    assert [split_of(s, "en", "") for s in SENTENCES[:6]] == ["validation", "test", "train", "test", "train", "test"]


def test_rows_without_text_are_split_by_their_audio():
    sums = [hashlib.sha256(bytes([i])).hexdigest() for i in range(200)]
    assert {split_of("", "en", s) for s in sums} == set(SPLITS)
    assert [split_of("...", "en", s) for s in sums] == [split_of("", "en", s) for s in sums]


def test_shares_are_what_the_constants_say():
    counted = list(sides(SENTENCES).values())
    for split, share in zip(SPLITS, (TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE), strict=True):
        assert counted.count(split) / len(counted) == pytest.approx(share, abs=0.03)


def test_a_choice_is_spread_over_the_whole_list():
    rows = list(range(100))
    assert evenly(rows, None) == evenly(rows, 100) == evenly(rows, 1000) == rows
    assert evenly(rows, 4) == [0, 25, 50, 75]
    assert len(evenly(rows, 33)) == len(set(evenly(rows, 33))) == 33
