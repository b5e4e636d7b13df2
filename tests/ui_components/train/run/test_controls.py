import pytest

from qal.errors import OptionError, TrainingError
from qal.evaluation.check_result import REFUSED_BY_GATE
from qal.jobs import job
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import list_runs
from tests.run_folders import STEPS, scripted_run
from tests.ui_components.conftest import request_from
from tests.ui_components.train.run.run_page import RunPage, is_unchanged
from ui_components.app.studio import Studio
from ui_components.train.run import controls as run_controls
from ui_components.train.run.controls import CONFIRM_LABELS, PendingAction

NO_LOGIN = request_from()


def test_stop_writes_a_stop_request(studio):
    run = scripted_run(studio.runs, "a", "running", step=STEPS // 2)
    run_controls.stop(studio, "a", NO_LOGIN)
    assert run.stop_file.exists()


def test_resume_launches_the_job_again(studio, monkeypatch):
    launched = []
    monkeypatch.setattr(job, "launch", launched.append)
    scripted_run(studio.runs, "a", "failed", step=5)
    run_controls.resume(studio, "a", NO_LOGIN)
    assert [run.id for run in launched] == ["a"]


@pytest.mark.parametrize("ask", [run_controls.ask_kill, run_controls.ask_delete])
def test_kill_and_delete_do_nothing_before_they_are_confirmed(studio, ask, monkeypatch):
    monkeypatch.setattr(job, "kill", lambda run: pytest.fail("killed"))
    run = scripted_run(studio.runs, "a", "failed", step=5)
    asked = ask(studio, "a", NO_LOGIN)
    assert asked.row.visible
    assert "a?" in asked.question
    assert asked.confirm.value == CONFIRM_LABELS[asked.pending.action]
    assert run.folder.exists()
    assert run_controls.cancel(studio).pending is None
    assert run.folder.exists()
    assert isinstance(asked.pending, PendingAction)


def test_confirmed_kill_kills_the_run(studio, monkeypatch):
    killed = []
    monkeypatch.setattr(job, "kill", lambda run: killed.append(run.id))
    scripted_run(studio.runs, "a", "running", step=5)
    confirmed = run_controls.confirm(studio, PendingAction("kill", "a"), "a", NO_LOGIN)
    assert (killed, confirmed.pending, confirmed.row.visible) == (["a"], None, False)


def test_confirmed_delete_moves_the_run_to_the_trash_folder_and_names_it(studio, monkeypatch):
    messages = []
    monkeypatch.setattr(run_controls.gr, "Info", lambda message, **_: messages.append(message))
    run = scripted_run(studio.runs, "a", "finished")
    confirmed = run_controls.confirm(studio, PendingAction("delete", "a"), "a", NO_LOGIN)
    assert confirmed.run is None
    assert not run.folder.exists()
    assert list_runs(studio.runs) == []
    (trash_folder,) = (studio.runs / ".trash").iterdir()
    assert str(trash_folder) in messages[0]


def test_run_in_progress_cannot_be_deleted(studio):
    scripted_run(studio.runs, "a", "running", step=5)
    with pytest.raises(TrainingError, match="still running"):
        run_controls.confirm(studio, PendingAction("delete", "a"), "a", NO_LOGIN)


def test_deleting_a_run_does_not_change_the_shown_run_if_it_is_another(studio):
    scripted_run(studio.runs, "a", "finished")
    scripted_run(studio.runs, "b", "finished")
    confirmed = run_controls.confirm(studio, PendingAction("delete", "a"), "b", NO_LOGIN)
    assert is_unchanged(confirmed.run)


def test_new_run_is_requested_with_the_settings_of_the_shown_run(studio):
    scripted_run(studio.runs, "a", "finished")
    assert run_controls.request_new_run(studio, "a") == "a"


def test_another_users_run_cannot_be_stopped_resumed_killed_or_deleted(tmp_path):
    studio = Studio(tmp_path / "runs", tmp_path / "data", is_admin=lambda name: name == "admin")
    run = scripted_run(studio.runs, "a", "running", step=5)
    run.update_status(user="anna")
    other_user, owner = request_from("bekele"), request_from("anna")
    handlers = [
        lambda request: run_controls.stop(studio, "a", request),
        lambda request: run_controls.resume(studio, "a", request),
        lambda request: run_controls.export_despite_gate(studio, "a", request),
        lambda request: run_controls.ask_kill(studio, "a", request),
        lambda request: run_controls.ask_delete(studio, "a", request),
        lambda request: run_controls.confirm(studio, PendingAction("kill", "a"), "a", request),
        lambda request: run_controls.confirm(studio, PendingAction("delete", "a"), "a", request),
    ]
    for handler in handlers:
        with pytest.raises(OptionError, match="belongs to anna"):
            handler(other_user)
    assert run.status().state == "running"
    assert not run.stop_file.exists()
    run_controls.stop(studio, "a", owner)
    assert run.stop_file.exists()


@pytest.mark.parametrize("run_id", [None, "never", "../a", "a/", "."])
def test_button_without_an_existing_run_is_a_user_error(studio, run_id):
    scripted_run(studio.runs, "a", "finished")
    for handler in (run_controls.stop, run_controls.resume, run_controls.ask_kill, run_controls.ask_delete):
        with pytest.raises(TrainingError, match="does not exist any more" if run_id else "choose a run first"):
            handler(studio, run_id, NO_LOGIN)


def test_model_that_the_gate_refused_is_exported_after_all(studio, monkeypatch):
    launched = []
    monkeypatch.setattr(job, "launch", launched.append)
    run = scripted_run(studio.runs, "a", "failed")
    update = RunPage(studio, "a").refresh()
    assert not update["despite_gate"].visible
    with pytest.raises(TrainingError, match="did not refuse"):
        run_controls.export_despite_gate(studio, "a", NO_LOGIN)
    run.update_status(reason=f"{REFUSED_BY_GATE} (silence: 64 words) and was not exported")
    assert RunPage(studio, "a").refresh()["despite_gate"].visible
    run_controls.export_despite_gate(studio, "a", NO_LOGIN)
    assert [found.id for found in launched] == ["a"]
    assert load_config(run.config_file).result.gate == "warn"
