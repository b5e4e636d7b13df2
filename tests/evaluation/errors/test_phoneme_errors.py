from collections import Counter

import pytest

from qal.errors import EvaluationError
from qal.evaluation.breakdown import counted
from qal.evaluation.errors.edits import align_rows
from qal.evaluation.errors.phonemes import (
    PhonemeErrors,
    align_phonemes,
    confusion_matrix,
    phoneme_errors,
    similar_order,
    stretches,
)
from qal.evaluation.records import ScoredRow

SPOKEN = {
    "the": ("ð", "ə"),
    "ship": ("ʃ", "ɪ", "p"),
    "sheep": ("ʃ", "iː", "p"),
    "sails": ("s", "e", "ɪ", "l", "z"),
    "any": ("ɛ", "n", "i"),
    "where": ("w", "ɛː"),
    "anywhere": ("ɛ", "n", "i", "w", "ɛː"),
}


@pytest.fixture(autouse=True)
def espeak(monkeypatch):
    """Pronunciations that need no program; "yo" has none."""

    def pronounce(words, language):
        if language == "yo":
            raise EvaluationError("cannot pronounce the language 'yo'")
        return {word: SPOKEN.get(word, ()) for word in words}

    monkeypatch.setattr("qal.evaluation.errors.phonemes.pronunciations", pronounce)


def errors_of(*rows: tuple[str, str, str], max_rows: int = 1000) -> PhonemeErrors:
    found = counted(
        [ScoredRow(audio="a", reference=r, hypothesis=h, language=language, duration_s=1) for r, h, language in rows]
    )
    return phoneme_errors(found, align_rows(found), max_rows)


def test_confused_phonemes_are_those_of_wrong_words_with_their_rows():
    found = errors_of(("the ship sails", "the sheep sails", "en"), ("a ship", "a sheep", "en"), ("so", "so", "en"))
    (confusion,) = found.confusions
    assert (confusion.reference, confusion.hypothesis, confusion.count, confusion.rows) == ("ɪ", "iː", 2, (0, 1))
    assert found.rows == 3
    assert 0 < found.distances["ɪ", "iː"] < 0.2


def test_phonemes_of_words_cut_otherwise_are_no_errors():
    assert errors_of(("any where", "anywhere", "en")).confusions == ()


def test_phonemes_are_paired_with_similar_ones_and_others_are_missing():
    assert align_phonemes(["p", "a", "t"], ["b", "a", "t"]) == [("p", "b"), ("a", "a"), ("t", "t")]
    assert align_phonemes(["s", "t", "a"], ["t", "a"]) == [("s", ""), ("t", "t"), ("a", "a")]
    assert align_phonemes(["p"], ["a"]) in ([("p", ""), ("", "a")], [("", "a"), ("p", "")])
    assert align_phonemes([], ["a", "t"]) == [("", "a"), ("", "t")]
    long = ["a"] * 300
    assert align_phonemes(long, [*long, "t"]) == [("", "t")]


def test_stretches_of_wrong_words_end_at_right_words():
    rows = [ScoredRow(audio="a", reference="a b c d e", hypothesis="x b y z d e f", duration_s=1)]
    (aligned,) = align_rows(counted(rows))
    assert [len(stretch) for stretch in stretches(aligned.edits)] == [1, 2, 1]
    assert [edit for stretch in stretches(aligned.edits) for edit in stretch] == list(aligned.edits)


def test_matrix_holds_recognised_phonemes_on_its_diagonal_and_confusions_beside_it():
    found = errors_of(("ship ship", "sheep ship", "en"))
    matrix = confusion_matrix(found)
    assert set(matrix.references) == {"ɪ", "iː", ""}
    i, long = matrix.references.index("ɪ"), matrix.references.index("iː")
    assert (matrix.counts[i, i], matrix.counts[i, long], matrix.counts[long, long]) == (1, 1, 0)
    assert matrix.counts.sum() == found.said["ɪ"]
    assert confusion_matrix(PhonemeErrors((), Counter(), 0, {})).counts.shape == (1, 1)


def test_similar_phonemes_stand_side_by_side():
    order = similar_order(["p", "a", "b", "e"])
    assert abs(order.index("p") - order.index("b")) == 1
    assert sorted(order) == ["a", "b", "e", "p"]


def test_number_of_compared_rows_is_bounded():
    assert errors_of(*[("ship", "sheep", "en")] * 30, max_rows=10).rows == 10


def test_rows_of_languages_without_a_voice_are_left_out_with_the_reason():
    found = errors_of(("ship", "sheep", "en"), ("ship", "sheep", "yo"))
    assert found.rows == 1
    assert list(found.left_out.values()) == [1]
    with pytest.raises(EvaluationError, match="'yo'"):
        errors_of(("ship", "sheep", "yo"))
    with pytest.raises(EvaluationError, match="need the language"):
        errors_of(("ship", "sheep", ""))
