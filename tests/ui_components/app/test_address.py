"""The address of the page: which tabs and which run it opens."""

import pytest

from tests.run_folders import scripted_run
from tests.ui_components.train.run.run_page import is_unchanged
from ui_components.app.address import open_address, run_address

TABS = ("live", "train", "models")


def test_address_opens_tab_inner_tab_and_run(studio):
    scripted_run(studio.runs, "mine", "finished")
    place = open_address(studio, run_address("mine").removeprefix("#"), TABS)
    assert (place.run, place.inner_tabs.selected, place.tabs.selected) == ("mine", "run", "train")
    place = open_address(studio, "models 1700000000", TABS)
    assert (is_unchanged(place.run), is_unchanged(place.inner_tabs), place.tabs.selected) == (True, True, "models")


@pytest.mark.parametrize("address", [None, "", "nowhere", "../x", "%", "live/run/mine"])
def test_unknown_parts_of_an_address_are_ignored(studio, address):
    scripted_run(studio.runs, "mine", "finished")
    place = open_address(studio, address, TABS)
    assert is_unchanged(place.run)
    assert is_unchanged(place.inner_tabs)


def test_run_that_does_not_exist_is_ignored(studio):
    place = open_address(studio, "train/run/gone", TABS)
    assert (is_unchanged(place.run), place.inner_tabs.selected) == (True, "run")
