import numpy as np
import pytest

from qal.evaluation.bootstrap import paired_difference, wer_interval
from qal.evaluation.error_rates import count_errors


def test_case_and_punctuation_are_not_errors():
    assert count_errors(["Hello, world!"], ["hello world"]).wer == 0


def test_substitution_and_insertion_count_one_error_each():
    assert count_errors(["a b c d"], ["a x c d e"]).wer == 2 / 4


def test_empty_reference_and_empty_hypothesis_are_scored():
    counts = count_errors(["", "one two"], ["invented words", ""])
    assert counts.word_errors.tolist() == [2, 2]
    assert counts.wer == 4 / 2


def test_cer_counts_spaces_as_characters():
    assert count_errors(["ab c"], ["abc"]).cer == 1 / 4


def test_combining_vowel_signs_do_not_split_words():
    assert count_errors(["हिन्दी"], ["हिन्दी"]).words.tolist() == [1]


def test_wer_interval_contains_the_rate_and_is_narrower_with_more_utterances():
    few = count_errors(["a b c d"] * 10, ["a b c x", "a b c d"] * 5)
    many = count_errors(["a b c d"] * 1000, ["a b c x", "a b c d"] * 500)
    narrow, wide = (wer_interval(c, np.random.default_rng(0)) for c in (many, few))
    assert wide.low <= few.wer <= wide.high
    assert narrow.high - narrow.low < wide.high - wide.low


def test_paired_difference_of_a_system_to_itself_is_zero():
    counts = count_errors(["a b c"] * 20, ["a b x"] * 20)
    paired = paired_difference(counts, counts, np.random.default_rng(0))
    assert (paired.difference, paired.low, paired.high, paired.p) == (0, 0, 0, 1)


def test_paired_difference_of_a_clearly_better_system_is_significant():
    good = count_errors(["a b c d"] * 100, ["a b c d"] * 100)
    bad = count_errors(["a b c d"] * 100, ["a b x d"] * 100)
    paired = paired_difference(good, bad, np.random.default_rng(0))
    assert paired.difference == -0.25
    assert paired.high < 0
    assert paired.p < 0.01


def test_paired_difference_rejects_different_references():
    with pytest.raises(ValueError, match="same references"):
        paired_difference(count_errors(["a"], ["a"]), count_errors(["a b"], ["a"]), np.random.default_rng(0))
