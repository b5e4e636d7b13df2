from typing import Any

import pytest

from qal.errors import OptionError, TrainingError
from qal.jobs import job
from qal.jobs.run import list_runs
from tests.run_folders import STEPS, scripted_run
from tests.ui_components.conftest import PageRequest
from ui_components.app.studio import Studio
from ui_components.train.run import controls as run_controls
from ui_components.train.run.controls import Asked


def request(user: str | None = None) -> Any:
    return PageRequest(username=user)


ANYBODY = request()


def test_stop_asks_the_run(studio):
    run = scripted_run(studio.runs, "a", "running", step=STEPS // 2)
    run_controls.stop(studio, "a", ANYBODY)
    assert run.stop_file.exists()


def test_resume_starts_the_job_again(studio, monkeypatch):
    launched = []
    monkeypatch.setattr(job, "launch", launched.append)
    scripted_run(studio.runs, "a", "failed", step=5)
    run_controls.resume(studio, "a", ANYBODY)
    assert [run.id for run in launched] == ["a"]


@pytest.mark.parametrize("act", [run_controls.ask_kill, run_controls.ask_delete])
def test_nothing_happens_before_somebody_has_said_yes(studio, act, monkeypatch):
    monkeypatch.setattr(job, "kill", lambda run: pytest.fail("killed"))
    run = scripted_run(studio.runs, "a", "failed", step=5)
    asked, row, sentence, yes = act(studio, "a", ANYBODY)
    assert row.visible
    assert "a?" in sentence
    assert yes.value.endswith("it")
    assert run.folder.exists()
    assert run_controls.withdraw(studio)[0] is None
    assert run.folder.exists()
    assert isinstance(asked, Asked)


def test_yes_kills(studio, monkeypatch):
    killed = []
    monkeypatch.setattr(job, "kill", lambda run: killed.append(run.id))
    scripted_run(studio.runs, "a", "running", step=5)
    asked, row, _ = run_controls.confirm(studio, Asked("kill", "a"), "a", ANYBODY)
    assert (killed, asked, row.visible) == (["a"], None, False)


def test_yes_moves_the_run_to_the_trash_and_says_where(studio, monkeypatch):
    told = []
    monkeypatch.setattr(run_controls.gr, "Info", lambda words, **_: told.append(words))
    run = scripted_run(studio.runs, "a", "finished")
    *_, watched = run_controls.confirm(studio, Asked("delete", "a"), "a", ANYBODY)
    assert watched is None
    assert not run.folder.exists()
    assert list_runs(studio.runs) == []
    (moved,) = (studio.runs / ".trash").iterdir()
    assert str(moved) in told[0]


def test_a_run_that_has_not_ended_is_not_deleted(studio):
    scripted_run(studio.runs, "a", "running", step=5)
    with pytest.raises(TrainingError, match="still running"):
        run_controls.confirm(studio, Asked("delete", "a"), "a", ANYBODY)


def test_deleting_one_run_leaves_another_watched(studio):
    scripted_run(studio.runs, "a", "finished")
    scripted_run(studio.runs, "b", "finished")
    *_, watched = run_controls.confirm(studio, Asked("delete", "a"), "b", ANYBODY)
    assert watched == {"__type__": "update"}


def test_a_form_can_have_the_settings_of_a_run(studio):
    scripted_run(studio.runs, "a", "finished")
    assert run_controls.use_settings(studio, "a") == "a"


def test_another_users_run_is_left_alone(tmp_path):
    studio = Studio(tmp_path / "runs", tmp_path / "data", is_admin=lambda name: name == "admin")
    run = scripted_run(studio.runs, "a", "running", step=5)
    run.update_status(user="anna")
    stranger, owner = request("bekele"), request("anna")
    acts = [
        lambda who: run_controls.stop(studio, "a", who),
        lambda who: run_controls.resume(studio, "a", who),
        lambda who: run_controls.ask_kill(studio, "a", who),
        lambda who: run_controls.ask_delete(studio, "a", who),
        lambda who: run_controls.confirm(studio, Asked("kill", "a"), "a", who),
        lambda who: run_controls.confirm(studio, Asked("delete", "a"), "a", who),
    ]
    for act in acts:
        with pytest.raises(OptionError, match="belongs to anna"):
            act(stranger)
    assert run.status().state == "running"
    assert not run.stop_file.exists()
    run_controls.stop(studio, "a", owner)
    assert run.stop_file.exists()


@pytest.mark.parametrize("wanted", [None, "never", "../a", "a/", "."])
def test_acting_on_no_run_is_the_users_error(studio, wanted):
    scripted_run(studio.runs, "a", "finished")
    for act in (run_controls.stop, run_controls.resume, run_controls.ask_kill, run_controls.ask_delete):
        with pytest.raises(TrainingError, match="not there any more" if wanted else "choose a run first"):
            act(studio, wanted, ANYBODY)
