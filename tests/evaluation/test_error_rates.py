import numpy as np
import pytest

from qal.evaluation.bootstrap import paired_difference, wer_interval
from qal.evaluation.error_rates import count_errors


def test_case_and_punctuation_are_no_errors():
    assert count_errors(["Hello, world!"], ["hello world"]).wer == 0


def test_each_kind_of_edit_counts_once():
    assert count_errors(["a b c d"], ["a x c d e"]).wer == 2 / 4


def test_empty_sides_are_scored_not_dropped():
    counts = count_errors(["", "one two"], ["invented words", ""])
    assert counts.word_errors.tolist() == [2, 2]
    assert counts.wer == 4 / 2


def test_spaces_are_characters():
    assert count_errors(["ab c"], ["abc"]).cer == 1 / 4


def test_vowel_signs_belong_to_their_letters():
    assert count_errors(["हिन्दी"], ["हिन्दी"]).words.tolist() == [1]


def test_the_interval_holds_the_rate_and_shrinks_with_more_utterances():
    few = count_errors(["a b c d"] * 10, ["a b c x", "a b c d"] * 5)
    many = count_errors(["a b c d"] * 1000, ["a b c x", "a b c d"] * 500)
    narrow, wide = (wer_interval(c, np.random.default_rng(0)) for c in (many, few))
    assert wide.low <= few.wer <= wide.high
    assert narrow.high - narrow.low < wide.high - wide.low


def test_a_system_does_not_differ_from_itself():
    counts = count_errors(["a b c"] * 20, ["a b x"] * 20)
    found = paired_difference(counts, counts, np.random.default_rng(0))
    assert (found.difference, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_a_clearly_better_system_is_seen():
    good = count_errors(["a b c d"] * 100, ["a b c d"] * 100)
    bad = count_errors(["a b c d"] * 100, ["a b x d"] * 100)
    found = paired_difference(good, bad, np.random.default_rng(0))
    assert found.difference == -0.25
    assert found.high < 0
    assert found.p < 0.01


def test_other_references_cannot_be_paired():
    with pytest.raises(ValueError, match="same references"):
        paired_difference(count_errors(["a"], ["a"]), count_errors(["a b"], ["a"]), np.random.default_rng(0))
