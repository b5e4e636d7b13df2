"""Deletion of an evaluation in the page: asked first, by its owner, never one that runs."""

from dataclasses import replace

import pytest

from qal.errors import EvaluationError, OptionError
from qal.evaluation.records import evaluation_lock, read_evaluation, write_evaluation
from tests.ui_components.conftest import request_from
from ui_components.evaluate.results import removal


@pytest.fixture
def owned(studio, evaluated):
    """A studio with logins, and an evaluation of Abeba."""
    folder = evaluated("mine")
    write_evaluation(folder, read_evaluation(folder).model_copy(update={"user": "abeba"}))
    return replace(studio, is_admin=lambda name: name == "admin"), folder


def test_question_names_the_evaluation_and_its_examples(owned):
    studio, folder = owned
    asked = removal.ask_delete(studio, "mine", request_from("abeba"))
    assert asked.evaluation == "mine"
    assert "6 transcripts" in asked.question
    assert asked.row.visible
    assert folder.is_dir()  # nothing is deleted before the answer
    assert not removal.cancel().row.visible


@pytest.mark.parametrize("user", ["abeba", "admin", None])
def test_owner_admin_or_page_without_login_deletes(owned, user):
    studio, folder = owned
    done = removal.delete(studio, "mine", request_from(user))
    assert (done.chosen, done.evaluation, done.row.visible) == (None, "", False)
    assert not folder.exists()


def test_evaluation_of_another_user_or_of_nobody_is_not_deleted(owned, evaluated):
    studio, folder = owned
    evaluated("shared")
    for name in ("mine", "shared"):
        for act in (removal.ask_delete, removal.delete):
            with pytest.raises(OptionError, match="ask the owner or an admin"):
                act(studio, name, request_from("bekele"))
    assert folder.is_dir()


def test_running_evaluation_is_not_deleted(owned):
    studio, folder = owned
    with evaluation_lock(folder):
        for act in (removal.ask_delete, removal.delete):
            with pytest.raises(EvaluationError, match="is running; stop it first"):
                act(studio, "mine", request_from("abeba"))
    assert folder.is_dir()


def test_evaluation_that_is_gone_is_an_error(studio):
    for name in ("", "../data", "missing", None):
        with pytest.raises(EvaluationError, match="no longer there"):
            removal.ask_delete(studio, name, request_from())
