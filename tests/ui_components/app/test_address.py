"""The address of the page: which tabs and which run it opens."""

import pytest

from qal.evaluation.records import Evaluation, write_evaluation
from tests.run_folders import scripted_run
from tests.ui_components.train.run.run_page import is_unchanged
from ui_components.app.address import open_address, run_address

TABS = ("live", "data", "train", "evaluate", "models")


def test_address_opens_tab_inner_tab_and_run(studio):
    scripted_run(studio.runs, "mine", "finished")
    place = open_address(studio, run_address("mine").removeprefix("#"), TABS)
    assert (place.run, place.train_tabs.selected, place.tabs.selected) == ("mine", "run", "train")
    place = open_address(studio, "models 1700000000", TABS)
    assert (is_unchanged(place.run), is_unchanged(place.train_tabs), place.tabs.selected) == (True, True, "models")
    assert is_unchanged(place.data_tabs)


@pytest.mark.parametrize(
    ("address", "train", "data"),
    [
        ("data/add", None, "add"),
        ("data/record 1700000000", None, "record"),
        ("data", None, "browse"),
        ("data/run", None, None),
        ("train", "new", None),
        ("train/add", None, None),
    ],
)
def test_address_opens_the_inner_tab_of_its_own_tab_and_without_one_the_first(studio, address, train, data):
    place = open_address(studio, address, TABS)
    for tabs, expected in ((place.train_tabs, train), (place.data_tabs, data)):
        assert is_unchanged(tabs) if expected is None else tabs.selected == expected


@pytest.mark.parametrize("address", [None, "", "nowhere", "../x", "%", "live/run/mine"])
def test_unknown_parts_of_an_address_are_ignored(studio, address):
    scripted_run(studio.runs, "mine", "finished")
    place = open_address(studio, address, TABS)
    assert is_unchanged(place.run)
    assert is_unchanged(place.train_tabs)
    assert is_unchanged(place.data_tabs)


def test_address_opens_the_results_of_an_evaluation_and_the_other_tabs_below_evaluate(studio):
    write_evaluation(studio.evaluations / "mine", Evaluation(id="mine", model="base", corpus="numbers"))
    place = open_address(studio, "evaluate/results/mine", TABS)
    assert (place.evaluation, place.evaluate_tabs.selected, place.tabs.selected) == ("mine", "results", "evaluate")
    assert is_unchanged(place.run)
    for address in ("evaluate/results/gone", "evaluate", "train/results/mine"):
        assert is_unchanged(open_address(studio, address, TABS).evaluation)
    assert open_address(studio, "evaluate/blind-test", TABS).evaluate_tabs.selected == "blind-test"
    assert open_address(studio, "evaluate", TABS).evaluate_tabs.selected == "results"
    assert is_unchanged(open_address(studio, "models", TABS).evaluate_tabs)


def test_run_that_does_not_exist_is_ignored(studio):
    place = open_address(studio, "train/run/gone", TABS)
    assert (is_unchanged(place.run), place.train_tabs.selected) == (True, "run")
