"""Handlers of the registry of models."""

from dataclasses import replace

import pytest

from qal.engine.registry.registry import Registry
from qal.errors import ModelError, OptionError
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.ui_components.conftest import click_event, request_from
from ui_components.evaluate.serving import actions


@pytest.fixture
def runs(studio) -> list[str]:
    """The ids of two finished runs with different models."""
    made = [scripted_run(studio.runs, name, "finished") for name in ("first", "second")]
    for number, run in enumerate(made):
        model_directory(run.model)
        (run.model / "model.bin").write_bytes(bytes(8 + number))
    return [run.id for run in made]


def register(studio, run: str) -> str:
    return actions.register(studio, "", run, "", request_from()).chosen


def serving(studio) -> str:
    found = Registry(studio.runs).state().serving
    return found.id if found else ""


def test_registered_model_is_a_candidate_that_is_chosen(studio, runs):
    assert "No model is registered yet" in actions.show_registry(studio, None).table
    shown = actions.register(studio, "", runs[0], "better on names", request_from())
    assert shown.chosen in shown.table
    assert "Candidate" in shown.table
    assert "better on names" in shown.history
    assert shown.promote.interactive
    assert not shown.roll_back.interactive


def test_promoted_model_serves_and_a_roll_back_returns_to_the_one_before(studio, runs):
    first, second = register(studio, runs[0]), register(studio, runs[1])
    for chosen in (first, second):
        shown = actions.promote(studio, chosen, runs[0], "", request_from())
        assert serving(studio) == chosen
    assert not shown.promote.interactive
    assert shown.roll_back.interactive
    assert actions.roll_back(studio, second, runs[0], "", request_from()).chosen == first
    assert serving(studio) == first
    with pytest.raises(ModelError, match="no earlier model"):
        actions.roll_back(studio, second, runs[0], "", request_from())


def test_name_of_the_user_stands_in_the_history(studio, runs):
    shown = actions.register(studio, "", runs[0], "", request_from("anna"))
    assert "anna registered" in shown.history


def test_only_admins_change_the_serving_model(studio, runs):
    some = replace(studio, is_admin=lambda name: name == "anna")
    for handler in (actions.register, actions.promote, actions.roll_back):
        with pytest.raises(OptionError, match="only an admin"):
            handler(some, "", runs[0], "", request_from("bekele"))


def test_model_that_is_not_offered_is_not_registered(studio, runs, tmp_path):
    for model in (None, str(tmp_path), "../first"):
        with pytest.raises(OptionError, match="installed model"):
            actions.register(studio, "", model, "", request_from())


def test_click_chooses_a_registered_model(studio, runs):
    found = register(studio, runs[0])
    assert actions.choose(studio, None, click_event(_data={"key": found})).chosen == found
    assert actions.choose(studio, None, click_event(_data={"key": "unknown"})).chosen == ""
