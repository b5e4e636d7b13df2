"""Substitutions, deletions, insertions, MER and WIL are those of jiwer on the same normalised texts."""

import random

import jiwer
import numpy as np
import pytest

from qal.evaluation.error_rates import ErrorCounts, count_errors, word_edits, word_rates
from qal.text.normalisation.registry import NEWEST, find_normaliser

ODD_WORDS = [
    *("the", "cat", "nan", "NaN", "None", "null", "don't", "1,000", "1.000,5", "１２", "²", "½"),
    *("ሰላም", "ለዓለም።", "፲፱፻", "مَرْحَبًا", "שלום", "हिन्दी", "今天", "下午", "ราคา", "한국어"),
    *("😀", "👩\u200d👩\u200d👧", "\u200b", "\u00ad", "\ufeff", "\u202eabc", "e\u0301", "\u0301", "ß", "İ", "…", "-"),
]


def random_pairs(rng: random.Random, words: list[str], count: int) -> tuple[list[str], list[str]]:
    """References, and transcripts of them with random edits; some of either are empty."""
    references = [" ".join(rng.choices(words, k=rng.choice((0, 1, 3, 8)))) for _ in range(count)]
    hypotheses = []
    for text in references:
        heard = [word for word in text.split() if rng.random() > 0.15]
        heard = [rng.choice(words) if rng.random() < 0.2 else word for word in heard]
        hypotheses.append(" ".join(heard + rng.choices(words, k=rng.choice((0, 0, 1)))))
    return references, hypotheses


def assert_equals_jiwer(references: list[str], hypotheses: list[str], name: str) -> None:
    apply = find_normaliser(name).apply
    counts = count_errors(references, hypotheses, None, find_normaliser(name))
    normalised = [apply(text, None) for text in references], [apply(text, None) for text in hypotheses]
    words, characters = jiwer.process_words(*normalised), jiwer.process_characters(*normalised)
    assert word_edits(counts) == (words.substitutions, words.deletions, words.insertions)
    assert word_rates(counts) == pytest.approx((words.mer, words.wil), abs=1e-12)
    assert (counts.wer, counts.cer) == pytest.approx((words.wer, characters.cer), abs=1e-12)


@pytest.mark.parametrize("name", sorted(NEWEST))
def test_error_rates_equal_those_of_jiwer_on_thousands_of_odd_texts(name: str):
    rng = random.Random(name)
    for _ in range(40):
        assert_equals_jiwer(*random_pairs(rng, ODD_WORDS, 25), name)


@pytest.mark.parametrize(
    ("references", "hypotheses"),
    [
        ([""], [""]),
        ([""], ["one two"]),
        (["one two"], [""]),
        (["", ""], ["", "a"]),
        (["a", ""], ["", "a"]),
        (["?!"], ["…"]),
        (["\u200b"], ["\u200b"]),
        (["nan"], [""]),
        ([""], ["nan"]),
    ],
)
def test_error_rates_of_empty_texts_equal_those_of_jiwer(references: list[str], hypotheses: list[str]):
    assert_equals_jiwer(references, hypotheses, "basic")


def test_no_example_has_no_errors():
    counts = count_errors([], [])
    assert (counts.wer, counts.cer, *word_edits(counts), *word_rates(counts)) == (0, 0, 0, 0, 0, 0, 0)


def test_kinds_of_edits_add_up_to_the_errors_of_each_utterance_and_of_groups():
    references, hypotheses = random_pairs(random.Random(1), ODD_WORDS, 60)
    counts = count_errors(references, hypotheses)
    assert counts.word_edits is not None
    assert np.array_equal(counts.word_edits.sum(1), counts.word_errors)
    grouped = counts.by_group([i % 7 for i in range(60)])
    assert grouped.word_edits is not None
    assert np.array_equal(grouped.word_edits.sum(1), grouped.word_errors)
    assert (grouped.wer, grouped.cer, word_edits(grouped)) == (counts.wer, counts.cer, word_edits(counts))
    assert word_edits(counts.select(np.arange(60) < 30))[0] <= word_edits(counts)[0]


def test_edits_that_were_not_told_apart_are_no_edits_by_kind():
    ones = np.ones(3, int)
    with pytest.raises(ValueError, match="by kind"):
        word_edits(ErrorCounts(ones, ones, ones, ones))
