import pytest

from qal.evaluation.breakdown import counted
from qal.evaluation.errors.edits import align_rows
from qal.evaluation.errors.search import RowFilter, find_rows, word_outcome
from qal.evaluation.records import ScoredRow

ROWS = [
    ScoredRow(audio="0", reference="The cat sat", hypothesis="the hat sat", language="en", speaker="Ann", duration_s=1),
    ScoredRow(audio="1", reference="A hat.", hypothesis="A hat!", language="en", speaker="Ben", duration_s=12),
    ScoredRow(audio="2", reference="concatenate", hypothesis="cat in eight", language="en", duration_s=3, snr_db=7),
    ScoredRow(audio="3", reference="今天计划", hypothesis="今天计画", language="zh", speaker="Ann", duration_s=2),
]
FOUND = counted(ROWS)


@pytest.mark.parametrize(
    ("conditions", "rows"),
    [
        ({}, [0, 1, 2, 3]),
        ({"text": "CAT"}, [0, 2]),
        ({"text": "cat", "side": "reference"}, [0]),
        ({"text": "cat", "side": "hypothesis"}, [2]),
        ({"text": "cat", "side": "reference", "whole_words": False}, [0, 2]),
        ({"text": "hat", "outcome": "right"}, [1]),
        ({"text": "hat", "outcome": "invented"}, [0]),
        ({"text": "cat", "outcome": "missed"}, [0]),
        ({"text": "the cat"}, [0]),
        ({"text": "划"}, [3]),
        ({"text": "…"}, []),
        ({"text": "nowhere"}, []),
        ({"groups": {"speaker": "Ann"}}, [0, 3]),
        ({"groups": {"speaker": "Ann", "language": "zh"}}, [3]),
        ({"groups": {"speaker": "unknown"}}, [2]),
        ({"groups": {"snr": "5 to 10 dB"}}, [2]),
        ({"only_errors": True}, [0, 2, 3]),
        ({"max_rate": 0.5}, [0, 1, 3]),
        ({"min_rate": 0.05, "max_rate": 0.4}, [0, 3]),
        ({"text": "cat", "groups": {"speaker": "Ann"}, "min_rate": 0.9}, []),
    ],
)
def test_rows_are_found_by_text_group_and_error_rate(conditions, rows):
    assert find_rows(counted(ROWS), RowFilter(**conditions)) == rows


def test_outcome_of_a_word_says_what_was_written_instead_and_what_it_was_written_for():
    outcome = word_outcome(align_rows(FOUND), "hat")
    assert (outcome.said, outcome.right) == (1, 1)
    assert (outcome.written_instead, outcome.said_instead) == ((), (("cat", 1),))
    assert word_outcome(align_rows(FOUND), "cat").written_instead == (("hat", 1),)
