import json
from types import SimpleNamespace
from typing import Any

import pytest

from qal.errors import OptionError, TrainingError
from qal.jobs.notes import Notes, read_notes, write_notes
from tests.run_folders import scripted_run, step_row
from tests.ui_components.conftest import request_from
from tests.ui_components.train.run.run_page import is_unchanged
from ui_components.app.studio import Studio
from ui_components.train.compare import actions as compare_actions
from ui_components.train.compare.actions import SentState, edit_notes, open_run, refresh, save_notes
from ui_components.train.compare.figures import MAX_RUNS

BOTH = '["a", "b"]'


def table_event(data) -> Any:
    """An event of the table with data from the browser."""
    return SimpleNamespace(_data=data)


def test_refresh_sends_only_what_has_changed(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    scripted_run(studio.runs, "b", "finished")
    update = refresh(studio, BOTH, SentState())
    assert not any(map(is_unchanged, update))
    update = refresh(studio, BOTH, update.sent)
    assert all(map(is_unchanged, (update.table, update.charts, update.differences)))
    run.append_metrics(step_row(6))
    update = refresh(studio, BOTH, update.sent)
    assert not is_unchanged(update.charts)
    write_notes(run, Notes(title="new"))
    update = refresh(studio, BOTH, update.sent)
    assert "new" in update.table
    assert "new" in update.charts
    update = refresh(studio, "[]", update.sent)
    assert is_unchanged(update.table)
    assert (update.charts, update.differences) == ("", "")


def test_deleted_runs_are_left_out_of_the_comparison(studio):
    scripted_run(studio.runs, "a", "finished")
    update = refresh(studio, '["a", "gone", "../a"]', SentState())
    assert '"key":"a"' in update.charts
    assert update.differences == ""


@pytest.mark.parametrize("data", [None, [], {}, {"runs": "abc"}, {"run": None}, {"run": {"x": 1}}, {"run": "../a"}])
def test_malformed_event_opens_no_run(studio, data):
    for handler in (open_run, edit_notes):
        with pytest.raises(TrainingError):
            handler(studio, table_event(data))


@pytest.mark.parametrize(
    "selected", [None, "", "{", "5", '"a"', "{}", "[5, null, [1]]", "[" * 100_000, '["gone", "../a"]']
)
def test_malformed_selection_compares_no_run(studio, selected):
    scripted_run(studio.runs, "a", "finished")
    update = refresh(studio, selected, SentState())
    assert (update.charts, update.differences) == ("", "")


def test_only_the_first_selected_runs_are_compared_and_the_user_is_informed_once(studio, monkeypatch):
    messages = []
    monkeypatch.setattr(compare_actions.gr, "Info", messages.append)
    names = [f"r{i}" for i in range(MAX_RUNS + 2)]
    for name in names:
        scripted_run(studio.runs, name, "finished", step=2)
    update = refresh(studio, json.dumps(names), SentState())
    assert len(json.loads(update.charts)["charts"][0]["figure"]["data"]) == MAX_RUNS
    assert "r7" in update.differences
    assert "r8" not in update.differences
    refresh(studio, json.dumps(names), update.sent)
    assert len(messages) == 1


def test_opened_run_is_shown_on_the_run_tab(studio):
    scripted_run(studio.runs, "a", "finished")
    opened = open_run(studio, table_event({"run": "a"}))
    assert (opened.run, opened.tabs.selected) == ("a", "run")


def test_saved_notes_are_loaded_when_edited_again(studio):
    run = scripted_run(studio.runs, "a", "finished")
    form = save_notes(studio, "a", " My run ", "x, y,x", "A note.", True, request_from())
    assert not form.visible
    assert read_notes(run) == Notes(title="My run", tags=("x", "y"), note="A note.", pinned=True)
    edited = edit_notes(studio, table_event({"run": "a"}))
    assert (edited.run, edited.title, edited.tags) == ("a", "My run", "x, y")
    assert (edited.note, edited.pinned, edited.form.visible) == ("A note.", True, True)


def test_notes_of_another_users_run_cannot_be_saved(tmp_path):
    studio = Studio(tmp_path / "runs", tmp_path / "data", is_admin=lambda name: False)
    run = scripted_run(studio.runs, "a", "finished")
    run.update_status(user="anna")
    with pytest.raises(OptionError, match="anna"):
        save_notes(studio, "a", "mine now", "", "", False, request_from("bekele"))
    assert read_notes(run) == Notes()
