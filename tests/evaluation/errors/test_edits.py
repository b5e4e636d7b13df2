"""The single errors of an evaluation, and what is counted from them."""

import random

import numpy as np
import pytest

from qal.evaluation.breakdown import Counted, counted
from qal.evaluation.errors.confusions import Confusion, character_confusions, substitutions, word_confusions
from qal.evaluation.errors.edits import Edit, align_rows, paired
from qal.evaluation.errors.insertions import inserted_stretches, row_insertions, silent_rows
from qal.evaluation.errors.positions import errors_by_position
from qal.evaluation.errors.words import never_right, word_scores
from qal.evaluation.records import ScoredRow
from qal.text.normalisation.registry import SCORING, find_normaliser

VOCABULARY = ["one", "two", "three", "tree", "Four", "fore", "well-known", "ቃል", "été", "1,000", ""]


def row(reference: str, hypothesis: str, language: str = "en", **known: object) -> ScoredRow:
    return ScoredRow(
        audio="a.wav", reference=reference, hypothesis=hypothesis, language=language, **{"duration_s": 2, **known}
    )


def evaluation(*pairs: tuple[str, str], language: str = "en") -> Counted:
    return counted([row(*pair, language) for pair in pairs])


def random_evaluation(seed: int) -> Counted:
    rng = random.Random(seed)
    texts = [[" ".join(rng.choices(VOCABULARY, k=rng.randrange(9))) for _ in range(2)] for _ in range(20)]
    return evaluation(*((a, b) for a, b in texts))


@pytest.mark.parametrize("seed", range(20))
def test_edits_are_as_many_of_each_kind_as_the_word_error_rate_counts(seed):
    found = random_evaluation(seed)
    for aligned, counts in zip(align_rows(found), found.counts.word_edits, strict=True):
        kinds = [edit.kind for edit in aligned.edits]
        assert [kinds.count(kind) for kind in ("substitution", "deletion", "insertion")] == counts.tolist()


@pytest.mark.parametrize("seed", range(20))
def test_edits_turn_the_reference_into_the_transcript(seed):
    for aligned in align_rows(random_evaluation(seed)):
        wrong = {edit.position: edit.hypothesis for edit in aligned.edits if edit.reference}
        written: list[str] = []
        for i in range(len(aligned.reference) + 1):
            written += [e.hypothesis for e in aligned.edits if not e.reference and e.position == i]
            written += [wrong.get(i, aligned.reference[i])] if i < len(aligned.reference) else []
        assert [word for word in written if word] == list(aligned.hypothesis)
        assert aligned.wrong_positions() == set(wrong)


def test_similar_words_are_paired_among_alignments_with_the_fewest_edits():
    assert list(paired(["cat", "sat"], ["mat", "cats", "satin"])) == [
        Edit(0, "", "mat"),
        Edit(0, "cat", "cats"),
        Edit(1, "sat", "satin"),
    ]
    assert list(paired(["big", "house", "green"], ["houses"], 4)) == [
        Edit(4, "big", ""),
        Edit(5, "house", "houses"),
        Edit(6, "green", ""),
    ]
    assert list(paired(["a"] * 200, ["b"] * 300))[-1] == Edit(200, "", "b")  # too long to be compared


@pytest.mark.parametrize("seed", range(10))
def test_confusions_add_up_to_the_errors_and_name_their_rows(seed):
    found = random_evaluation(seed)
    words, characters = word_confusions(align_rows(found)), character_confusions(found)
    assert sum(c.count for c in words) == found.counts.word_errors.sum()
    assert sum(c.count for c in characters) == found.counts.character_errors.sum()
    assert {i for c in words for i in c.rows} == set(np.flatnonzero(found.counts.word_errors))
    assert [c.count for c in words] == sorted((c.count for c in words), reverse=True)
    assert all(c.reference and c.hypothesis for c in substitutions(words))


def test_most_frequent_confusion_is_first():
    found = evaluation(("the ship sails", "the sheep sails"), ("a ship", "a sheep"), ("one two", "one"))
    assert word_confusions(align_rows(found)) == [
        Confusion("ship", "sheep", 2, (0, 1)),
        Confusion("two", "", 1, (2,)),
    ]


def test_edits_use_the_normaliser_of_the_figures():
    rows = [row("ሠላም ለዓለም", "ሰላም ለአለም", "am")]
    for name, errors in (("basic", 2), ("language-homophones", 0)):
        normaliser = find_normaliser(name)
        assert len(align_rows(counted(rows, normaliser), normaliser)[0].edits) == errors


def test_each_character_is_a_word_where_the_character_error_rate_decides():
    found = evaluation(("今天见面讨论计划", "今天见面讨论计画"), language="zh")
    assert align_rows(found)[0].edits == (Edit(7, "划", "画"),)


def test_words_never_right_are_those_without_a_right_occurrence():
    found = evaluation(("kale and kale", "cale and tale"), ("and then", "end then"), ("then", "than"))
    scores = word_scores(align_rows(found))
    (never,) = never_right(scores)
    assert (never.word, never.count, never.instead, never.rows) == ("kale", 2, (("cale", 1), ("tale", 1)), (0,))
    assert {score.word: score.right for score in scores} == {"kale": 0, "and": 1, "then": 1}
    assert never_right(scores, min_count=3) == []


def test_words_where_nothing_is_said_are_counted_apart():
    rows = [row("", "thank you", duration_s=30), row(" … ", "", duration_s=30), row("yes", "yes thank you very much")]
    aligned = align_rows(counted(rows))
    silent = silent_rows(rows, aligned)
    assert (silent.rows, silent.with_words, silent.words, silent.words_per_minute) == ((0, 1), (0,), 2, 2.0)
    assert silent.texts == (("thank you", (0,)),)
    assert [(found.row, found.count) for found in row_insertions(aligned)] == [(2, 4), (0, 2)]
    (stretch,) = inserted_stretches(aligned)
    assert (stretch.row, stretch.position, stretch.words) == (2, 1, ("thank", "you", "very", "much"))
    assert silent_rows(rows[2:], align_rows(counted(rows[2:]))).words_per_minute is None


@pytest.mark.parametrize("parts", [1, 3, 10])
def test_errors_by_position_add_up_to_all_errors(parts):
    found = random_evaluation(1)
    by_position = errors_by_position(align_rows(found), parts)
    assert len(by_position) == parts
    assert sum(part.words for part in by_position) == found.counts.words.sum()
    assert sum(part.errors for part in by_position) == found.counts.word_errors.sum()


def test_errors_are_counted_at_the_position_where_they_are():
    found = evaluation(("a b c d e f g h i j", "x b c d e f g h i j k"))
    first, *middle, last = errors_by_position(align_rows(found))
    assert (first.substitutions, last.insertions, sum(part.errors for part in middle)) == (1, 1, 0)
    assert (first.name, last.name, first.rows, middle[0].rows) == ("0 to 10 %", "90 to 100 %", (0,), ())


def test_rows_without_words_have_no_edits():
    (aligned,) = align_rows(evaluation(("", "")), SCORING)
    assert (aligned.reference, aligned.edits) == ((), ())
