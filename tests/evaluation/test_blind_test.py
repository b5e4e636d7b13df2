"""The blind test: order of the transcripts, votes, and the win rate."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from qal.errors import EvaluationError
from qal.evaluation.blind_test import (
    BlindTest,
    Pair,
    WinRate,
    items_of,
    pair_of,
    rater_name,
    sides,
    together,
    vote_of,
    wilson_interval,
)
from qal.evaluation.records import ScoredRow

PAIR = Pair("base", "tuned")


def row(number: int, hypothesis: str) -> ScoredRow:
    return ScoredRow(audio=f"{number}.wav", reference="one two", hypothesis=hypothesis, duration_s=1)


ITEMS = items_of([row(i, f"first {i}") for i in range(40)], [row(i, f"second {i}") for i in range(40)])


def test_pair_is_the_same_in_both_orders_and_of_two_evaluations():
    assert pair_of("tuned", "base") == PAIR == pair_of("base", "tuned")
    with pytest.raises(EvaluationError):
        pair_of("base", "base")


def test_items_are_the_common_examples_whose_transcripts_differ_in_more_than_spaces():
    first = [row(1, "one two"), row(2, "one"), row(3, "two")]
    assert [item.audio for item in items_of(first, [row(1, " one  two "), row(2, "two")])] == ["2.wav"]
    with pytest.raises(EvaluationError, match="in common"):
        items_of(first, [row(9, "one")])


def test_order_of_the_transcripts_differs_between_examples_and_stays_for_a_rater():
    orders = [sides(PAIR, item, "Anna").a.startswith("second") for item in ITEMS]
    assert 5 < sum(orders) < 35
    assert orders == [sides(PAIR, item, "Anna").a.startswith("second") for item in ITEMS]
    assert orders != [sides(PAIR, item, "Bekele").a.startswith("second") for item in ITEMS]


@pytest.mark.parametrize("rater", ["Anna", "Bekele"])
def test_vote_is_for_the_evaluation_of_the_chosen_transcript(rater):
    for item in ITEMS:
        shown = sides(PAIR, item, rater)
        assert shown.a.startswith(vote_of(PAIR, item.audio, rater, "a"))
        assert shown.b.startswith(vote_of(PAIR, item.audio, rater, "b"))
        assert vote_of(PAIR, item.audio, rater, "equal") == "equal"


def test_a_vote_closes_its_example_for_this_rater_only(tmp_path):
    test = BlindTest(tmp_path)
    test.record(PAIR, ITEMS[3].audio, "Anna", "first")
    assert len(test.open_items(PAIR, "Anna", ITEMS)) == 39
    assert len(test.open_items(PAIR, "Bekele", ITEMS)) == 40
    assert test.open_items(Pair("base", "other"), "Anna", ITEMS)[0] in ITEMS


def test_second_vote_on_an_example_replaces_the_first(tmp_path):
    test = BlindTest(tmp_path)
    for vote in ("first", "second"):
        test.record(PAIR, "1.wav", "Anna", vote)
    assert test.results(PAIR) == {"Anna": WinRate(0, 1, 0)}


def test_withdrawn_vote_opens_its_example_again(tmp_path):
    test = BlindTest(tmp_path)
    assert test.withdraw(PAIR, "Anna") is None
    for audio in ("1.wav", "2.wav"):
        test.record(PAIR, audio, "Anna", "first")
    assert test.withdraw(PAIR, "Anna") == "2.wav"
    assert test.results(PAIR) == {"Anna": WinRate(1, 0, 0)}


def test_votes_of_several_raters_at_once_are_all_kept(tmp_path):
    def vote(rater: str) -> None:
        for item in ITEMS[:10]:
            BlindTest(tmp_path).record(PAIR, item.audio, rater, "first")

    raters = [f"rater {i}" for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(vote, raters))
    results = BlindTest(tmp_path).results(PAIR)
    assert list(results) == raters
    assert together(results) == WinRate(60, 0, 0)


def test_win_rate_leaves_out_equal_votes_and_has_the_interval_of_wilson():
    rate = WinRate(wins=8, losses=2, equal=5)
    assert rate.rate == 0.8
    assert rate.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 10)[0] == 0.0
    assert WinRate(0, 0, 3).rate is None


def test_name_of_a_rater_is_needed_and_short():
    assert rater_name("  Anna   Berg ") == "Anna Berg"
    for name in ("  ", "x" * 61):
        with pytest.raises(EvaluationError):
            rater_name(name)


def test_name_of_a_rater_can_be_seen_and_stored(tmp_path):
    for nothing in (" \n", "\u200b", "\ud800", "\u202e"):
        with pytest.raises(EvaluationError, match="enter your name"):
            rater_name(nothing)
    name = rater_name("Ada\ud800\x00 L.")
    BlindTest(tmp_path).record(PAIR, "1.wav", name, "first")
    assert list(BlindTest(tmp_path).results(PAIR)) == ["Ada L."]
