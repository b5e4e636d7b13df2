import random

import numpy as np
import pytest

from qal.evaluation.alignment import AlignedWords, align
from qal.evaluation.error_rates import count_errors
from qal.text.normalisation.registry import find_normaliser

VOCABULARY = ["one", "two,", "Three", "don't", "dont", "—", "four.", "well-known", "well", "known", "ቃል", "e\u0301te"]
EDIT_SIGNS = {(True, True): "~", (False, True): "+", (True, False): "-"}


def edit_signs(reference: str, prediction: str) -> str:
    """One sign for each aligned item: = correct, ~ substitution, + insertion, - deletion."""
    return "".join(
        "=" if aligned.is_correct else EDIT_SIGNS[bool(aligned.reference), bool(aligned.prediction)]
        for aligned in align(reference, prediction).words
    )


@pytest.mark.parametrize(
    ("reference", "prediction", "signs"),
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
def test_alignment_has_fewest_edits(reference, prediction, signs):
    assert edit_signs(reference, prediction) == signs


def test_alignment_keeps_the_written_words_of_both_sides():
    assert align("Well-known — said he", "well known said, she").words == (
        AlignedWords("Well-known —", "well known", True),
        AlignedWords("said", "said,", True),
        AlignedWords("he", "she", False),
    )


@pytest.mark.parametrize("seed", range(60))
def test_alignment_contains_every_word_and_counts_errors_like_wer(seed):
    rng = random.Random(seed)
    reference, prediction = (" ".join(rng.choices(VOCABULARY, k=rng.randrange(8))) for _ in range(2))
    alignment, counts = align(reference, prediction), count_errors([reference], [prediction])
    assert np.array_equal([alignment.errors, alignment.reference_words], [counts.word_errors[0], counts.words[0]])
    assert bool(alignment.errors) == any(not aligned.is_correct for aligned in alignment.words)
    assert " ".join(aligned.reference for aligned in alignment.words if aligned.reference) == reference
    assert " ".join(aligned.prediction for aligned in alignment.words if aligned.prediction) == prediction


def test_scripts_without_spaces_are_aligned_by_characters():
    alignment = align("今天 见面讨论计划", "今天见面讨论计画", "zh")
    assert (alignment.errors, alignment.reference_words, alignment.unit) == (1, 8, "characters")
    assert [w.reference for w in alignment.words if not w.is_correct] == ["划"]
    assert all(w.is_joined for w in alignment.words[1:2] + alignment.words[3:])


def test_texts_that_normalise_to_the_same_have_no_errors_however_their_words_are_cut():
    assert align("it is 1 000 000 now", "it is 1000000 now").errors == 0
    assert align("it is 1 000 000 now", "it is 1000000 now").words[-1] == AlignedWords("now", "now", True)


def test_alignment_uses_the_given_normaliser():
    texts = ("ፀሐይ Wäre", "ጸሀይ wäre", "am")
    errors = [align(*texts, find_normaliser(name)).errors for name in ("none", "basic", "language-homophones")]
    assert errors == [2, 1, 0]
