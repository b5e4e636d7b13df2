import tracemalloc

import numpy as np
import pytest

from qal.evaluation.bootstrap import DRAWS, error_intervals, paired_difference
from qal.evaluation.error_rates import ErrorCounts, count_errors
from qal.text.error_measure import deciding_measure


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
    narrow, wide = (error_intervals(c, np.random.default_rng(0)).wer for c in (many, few))
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


ZH, ZH_WRONG = "今天下午三点我们在图书馆见面讨论新的计划", "今天下午三点我们在图书馆见面讨论新的计画"


def test_one_wrong_sign_of_a_script_without_spaces_counts_one_sign():
    counts = count_errors([ZH], [ZH_WRONG], "zh")
    assert counts.measure == "CER"
    assert counts.rate == counts.cer == 1 / len(ZH)


def test_spaces_that_are_not_said_are_no_errors_in_scripts_without_spaces():
    counts = count_errors(["ကျွန်တော် မနက်ဖြန် ရန်ကုန်ကို သွားမယ်"], ["ကျွန်တော်မနက်ဖြန်ရန်ကုန်ကိုသွားမယ်"], ["my"])
    assert (counts.rate, counts.wer) == (0, 0)


@pytest.mark.parametrize(
    ("languages", "references", "measure"),
    [
        (["zh"], [], "CER"),
        (["ja", "th", "lo", "km", "my", "bo", "yue"], [], "CER"),
        (["en", "ko", "am"], ["今天"], "WER"),
        (["en", "zh"], ["hello there", ZH], "CER"),
        (["en", "zh"], ["hello there, this is a long English sentence about the city of 北京"], "WER"),
        ([None], [ZH], "CER"),
        ([None], ["안녕하세요 여러분"], "WER"),
        ([], [], "WER"),
    ],
)
def test_language_decides_between_wer_and_cer_and_the_text_where_it_is_mixed_or_unknown(languages, references, measure):
    assert deciding_measure(languages, references) == measure


def test_paired_difference_compares_the_measure_that_decides():
    right, wrong = (count_errors([ZH] * 30, [text] * 30, "zh") for text in (ZH, ZH_WRONG))
    assert paired_difference(wrong, right, np.random.default_rng(0)).difference == pytest.approx(1 / len(ZH))


def random_counts(n: int) -> ErrorCounts:
    rng = np.random.default_rng(1)
    word_errors, words, character_errors, characters = (rng.integers(low, 20 + low, n) for low in (0, 1, 0, 5))
    return ErrorCounts(word_errors, words, character_errors, characters)


def test_bootstrap_in_blocks_gives_the_results_of_one_block():
    """The formula of a single block, which needs 16 bytes for each utterance and draw."""
    a, b = random_counts(700), random_counts(700)
    draws = np.random.default_rng(0).integers(0, 700, (DRAWS, 700))
    rates = a.word_errors[draws].sum(1) / a.words[draws].sum(1)
    interval = error_intervals(a, np.random.default_rng(0)).wer
    assert [interval.low, interval.high] == np.percentile(rates, (2.5, 97.5)).tolist()
    assert paired_difference(a, b, np.random.default_rng(0)).low <= 0


def test_memory_of_the_bootstrap_does_not_grow_with_the_utterances():
    counts = random_counts(20_000)  # a single block would take 640 MB
    tracemalloc.start()
    error_intervals(counts, np.random.default_rng(0))
    paired_difference(counts, counts, np.random.default_rng(0))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 50e6
