import random

import numpy as np
import pytest

from qal.evaluation.alignment import Piece, align
from qal.evaluation.error_rates import count_errors

WORDS = ["one", "two,", "Three", "don't", "dont", "—", "four.", "well-known", "well", "known", "ቃል", "e\u0301te"]


def marks(said: str, heard: str) -> str:
    """= same, ~ another, + more, - missing"""
    signs = {(True, True): "~", (False, True): "+", (True, False): "-"}
    return "".join("=" if p.same else signs[bool(p.said), bool(p.heard)] for p in align(said, heard).pieces)


@pytest.mark.parametrize(
    ("said", "heard", "found"),
    [
        ("one two three", "one two three", "==="),
        ("One, two: three!", "one two three", "==="),
        ("one two three", "one too three", "=~="),
        ("one two three", "one three", "=-="),
        ("one three", "one two three", "=+="),
        ("", "one two", "++"),
        ("one two", "", "--"),
        ("", "", ""),
        ("— a", "a", "="),
        ("don't go", "dont go", "~="),
        ("a well-known man", "a well known man", "==="),
        ("ሰላም ዓለም", "ሰላም አለም", "=~"),
    ],
)
def test_the_fewest_edits_are_found(said, heard, found):
    assert marks(said, heard) == found


def test_each_side_keeps_what_it_wrote():
    assert align("Well-known — said he", "well known said, she").pieces == (
        Piece("Well-known —", "well known", True),
        Piece("said", "said,", True),
        Piece("he", "she", False),
    )


@pytest.mark.parametrize("seed", range(60))
def test_nothing_is_lost_and_errors_are_those_that_are_scored(seed):
    rng = random.Random(seed)
    said, heard = (" ".join(rng.choices(WORDS, k=rng.randrange(8))) for _ in range(2))
    found, counts = align(said, heard), count_errors([said], [heard])
    assert np.array_equal([found.errors, found.words], [counts.word_errors[0], counts.words[0]])
    assert bool(found.errors) == any(not piece.same for piece in found.pieces)
    assert " ".join(p.said for p in found.pieces if p.said) == said
    assert " ".join(p.heard for p in found.pieces if p.heard) == heard
