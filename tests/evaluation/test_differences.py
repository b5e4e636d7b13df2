import random

import numpy as np
import pytest

from evaluation.differences import word_difference
from evaluation.wer import count_errors

WORDS = ["one", "two,", "Three", "don't", "—", "four.", "ቃል", "e\u0301te"]


def wrong(words) -> list[str]:
    return [word for word, is_wrong in words if is_wrong]


@pytest.mark.parametrize(
    ("said", "heard", "missed", "added"),
    [
        ("Please hold.", "please hold", [], []),
        ("the cat sat", "the cap sat", ["cat"], ["cap"]),
        ("one two three", "one three", ["two"], []),
        ("one three", "one two three", [], ["two"]),
        ("don't go", "dont go", ["don't"], ["dont"]),
        ("", "a word", [], ["a", "word"]),
        ("a word", "", ["a", "word"], []),
        ("— a", "a", [], []),
    ],
)
def test_words_that_differ_are_marked_as_they_were_written(said, heard, missed, added):
    found = word_difference(said, heard)
    assert (wrong(found.reference), wrong(found.hypothesis)) == (missed, added)
    assert " ".join(word for word, _ in found.reference) == " ".join(said.split())


@pytest.mark.parametrize("seed", range(40))
def test_errors_and_words_are_those_that_are_scored(seed):
    rng = random.Random(seed)
    said, heard = (" ".join(rng.choices(WORDS, k=rng.randrange(8))) for _ in range(2))
    counts = count_errors([said], [heard])
    found = word_difference(said, heard)
    assert np.array_equal([found.errors, found.words], [counts.word_errors[0], counts.words[0]])
    assert bool(found.errors) == bool(wrong(found.reference) or wrong(found.hypothesis))
