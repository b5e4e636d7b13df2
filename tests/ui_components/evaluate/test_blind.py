"""Handlers of the blind test."""

import pytest

from qal.errors import EvaluationError
from qal.evaluation.blind_test import BlindTest, Pair, WinRate
from qal.evaluation.records import read_evaluation, write_evaluation
from tests.ui_components.conftest import request_from
from ui_components.evaluate.blind import actions, view

WRONG = {"audio/1.wav": "say a number 1 now", "audio/3.wav": "play the number 3"}
PAIR = Pair("base", "tuned")


@pytest.fixture
def pair(evaluated) -> Pair:
    evaluated("base", WRONG)
    evaluated("tuned")
    return PAIR


def shown(studio, rater: str = "Anna", user: str | None = None):
    return actions.show_item(studio, *PAIR, rater, request_from(user))


def test_choices_are_evaluations_of_the_same_dataset(studio, pair):
    found = actions.update_choices(studio, "base", None, request_from())
    assert [value for _, value in found.first.choices] == ["tuned", "base"]
    assert [value for _, value in found.second.choices] == ["tuned"]
    assert found.rater.visible
    assert not actions.update_choices(studio, "base", None, request_from("anna")).rater.visible


def test_second_evaluation_is_one_of_another_model_where_there_is_one(studio, evaluated):
    evaluated("base", WRONG)
    for again in ("tuned", "tuned-again"):
        folder = evaluated(again)
        write_evaluation(folder, read_evaluation(folder).model_copy(update={"model": "tuned"}))
    found = actions.update_choices(studio, "tuned-again", None, request_from())
    assert [value for _, value in found.second.choices] == ["tuned", "base"]
    assert found.second.value == "base"
    assert actions.update_choices(studio, "tuned-again", "tuned", request_from()).second.value == "tuned"


def test_table_of_votes_has_short_headings_and_can_be_scrolled_by_keyboard():
    shown = view.results_html({"Anna": WinRate(2, 1, 0)}, "a-long-name-of-the-first-model", "second")
    assert "<th scope=col>Win rate</th>" in shown
    assert "The win rate is that of <b>a-long-name-of-the-first-model</b>" in shown
    assert 'tabindex="0"' in shown


def test_nothing_is_shown_without_a_name(studio, pair):
    item = shown(studio, "  ")
    assert "enter your name" in item.html
    assert not item.buttons.visible


def test_example_does_not_tell_which_model_wrote_what(studio, pair):
    item = shown(studio)
    assert "<audio" in item.html
    assert item.buttons.visible
    assert "base" not in item.html
    assert "tuned" not in item.html
    assert item.on_screen
    assert item.on_screen.audio in WRONG


def test_votes_lead_through_the_differing_examples_to_the_result(studio, pair):
    item = shown(studio)
    assert "Example 1 of 2" in item.html
    for _ in range(2):
        item = actions.vote(studio, *PAIR, "Anna", item.on_screen, "equal", request_from())
    assert "rated all 2 examples" in item.html
    assert "Anna" in item.results
    assert BlindTest(studio.evaluations).results(PAIR) == {"Anna": WinRate(0, 0, 2)}
    assert "Example 1 of 2" in shown(studio, "Bekele").html


def test_vote_counts_for_the_logged_in_user(studio, pair):
    item = shown(studio, "", "anna")
    actions.vote(studio, *PAIR, "somebody else", item.on_screen, "a", request_from("anna"))
    assert list(BlindTest(studio.evaluations).results(PAIR)) == ["anna"]


def test_last_vote_can_be_withdrawn(studio, pair):
    with pytest.raises(EvaluationError, match="not voted"):
        actions.undo(studio, *PAIR, "Anna", request_from())
    first = shown(studio)
    actions.vote(studio, *PAIR, "Anna", first.on_screen, "a", request_from())
    assert actions.undo(studio, *PAIR, "Anna", request_from()).on_screen == first.on_screen


def test_vote_on_an_example_that_is_not_rated_here_is_an_error(studio, pair):
    for on_screen in (actions.OnScreen(PAIR, "Anna", "audio/0.wav"), None):  # the same transcripts, or none is shown
        with pytest.raises(EvaluationError, match="no longer there"):
            actions.vote(studio, *PAIR, "Anna", on_screen, "a", request_from())


def test_vote_of_another_rater_than_the_example_is_shown_to_is_refused(studio, pair):
    item = shown(studio, "Anna")
    with pytest.raises(EvaluationError, match="name"):
        actions.vote(studio, *PAIR, "Bekele", item.on_screen, "a", request_from())
    assert BlindTest(studio.evaluations).results(PAIR) == {}
