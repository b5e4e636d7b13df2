import json
from types import SimpleNamespace
from typing import Any

import pytest

from qal.errors import OptionError, TrainingError
from qal.jobs.notes import Notes, read_notes, write_notes
from tests.run_folders import scripted_run, step_row
from tests.ui_components.conftest import PageRequest
from tests.ui_components.train.run.watching import is_skip
from ui_components.app.studio import Studio
from ui_components.train.compare import actions as compare_actions
from ui_components.train.compare.actions import Seen, edit, open_run, refresh, save
from ui_components.train.compare.figures import MAX_RUNS

BOTH = '["a", "b"]'


def said(data) -> Any:
    """An event, as the browser tells it."""
    return SimpleNamespace(_data=data)


def request(user: str | None = None) -> Any:
    return PageRequest(username=user)


def test_only_what_changed_is_told(studio):
    run = scripted_run(studio.runs, "a", "running", step=5)
    scripted_run(studio.runs, "b", "finished")
    *told, seen = refresh(studio, BOTH, Seen())
    assert not any(map(is_skip, told))
    *told, seen = refresh(studio, BOTH, seen)
    assert all(map(is_skip, told))
    run.append_metrics(step_row(6))
    _, charts, _, seen = refresh(studio, BOTH, seen)
    assert not is_skip(charts)
    write_notes(run, Notes(title="new"))
    table, charts, _, seen = refresh(studio, BOTH, seen)
    assert "new" in table
    assert "new" in charts
    table, charts, differences, _ = refresh(studio, "[]", seen)
    assert is_skip(table)
    assert (charts, differences) == ("", "")


def test_runs_that_went_away_are_left_out(studio):
    scripted_run(studio.runs, "a", "finished")
    _, charts, differences, _ = refresh(studio, '["a", "gone", "../a"]', Seen())
    assert '"key":"a"' in charts
    assert differences == ""


@pytest.mark.parametrize("data", [None, [], {}, {"runs": "abc"}, {"run": None}, {"run": {"x": 1}}, {"run": "../a"}])
def test_whatever_a_browser_says_opens_nothing_it_should_not(studio, data):
    for act in (open_run, edit):
        with pytest.raises(TrainingError):
            act(studio, said(data))


@pytest.mark.parametrize(
    "ticked", [None, "", "{", "5", '"a"', "{}", "[5, null, [1]]", "[" * 100_000, '["gone", "../a"]']
)
def test_whatever_a_browser_says_compares_nothing_it_should_not(studio, ticked):
    scripted_run(studio.runs, "a", "finished")
    assert refresh(studio, ticked, Seen())[1:3] == ["", ""]


def test_few_runs_are_compared_at_once_and_somebody_is_told_once(studio, monkeypatch):
    told = []
    monkeypatch.setattr(compare_actions.gr, "Info", told.append)
    names = [f"r{i}" for i in range(MAX_RUNS + 2)]
    for name in names:
        scripted_run(studio.runs, name, "finished", step=2)
    _, charts, differences, seen = refresh(studio, json.dumps(names), Seen())
    assert len(json.loads(charts)["charts"][0]["figure"]["data"]) == MAX_RUNS
    assert "r7" in differences
    assert "r8" not in differences
    refresh(studio, json.dumps(names), seen)
    assert len(told) == 1


def test_a_run_is_opened_where_it_is_watched(studio):
    scripted_run(studio.runs, "a", "finished")
    run, tabs = open_run(studio, said({"run": "a"}))
    assert (run, tabs.selected) == ("a", "run")


def test_notes_are_edited_and_kept(studio):
    run = scripted_run(studio.runs, "a", "finished")
    form = save(studio, "a", " My run ", "x, y,x", "Words.", True, request())
    assert not form.visible
    assert read_notes(run) == Notes(title="My run", tags=("x", "y"), note="Words.", pinned=True)
    edited, _, title, tags, note, pinned, form = edit(studio, said({"run": "a"}))
    assert (edited, title, tags, note, pinned, form.visible) == ("a", "My run", "x, y", "Words.", True, True)


def test_another_users_run_is_not_renamed(tmp_path):
    studio = Studio(tmp_path / "runs", tmp_path / "data", is_admin=lambda name: False)
    run = scripted_run(studio.runs, "a", "finished")
    run.update_status(user="anna")
    with pytest.raises(OptionError, match="anna"):
        save(studio, "a", "mine now", "", "", False, request("bekele"))
    assert read_notes(run) == Notes()
