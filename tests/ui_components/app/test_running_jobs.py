"""The line with the user's jobs in progress."""

import pytest

from qal.jobs.notes import rename
from qal.jobs.stages import StageStatus
from qal.jobs.status import run_share
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from tests.ui_components.train.run.run_page import is_unchanged
from ui_components.app.running_jobs import update_jobs
from ui_components.train.run.view import percent


def test_running_job_is_named_with_its_progress_and_a_link(studio):
    scripted_run(studio.runs, "done", "finished")
    run = scripted_run(studio.runs, "mine", "running", step=10)
    rename(run, "My <first> run")
    line = update_jobs(studio, "", request_from())
    assert 'href="#train/run/mine"' in line.html
    assert "My &lt;first&gt; run" in line.html
    assert " %" in line.html
    assert "done" not in line.html
    assert all(map(is_unchanged, update_jobs(studio, line.sent, request_from())))


def test_job_shows_the_percentage_of_its_own_page_before_the_first_step_too(studio):
    run = scripted_run(studio.runs, "mine", "running", step=0)
    run.update_status(stage="find", steps=0, stages=(StageStatus(name="find", total=24, done=11, expected_s=10.0),))
    share = run_share(run.status())
    assert percent(share) == "45 %"
    assert "45 %" in update_jobs(studio, "", request_from()).html


@pytest.mark.parametrize(("user", "is_shown"), [("anna", True), ("bekele", False), (None, True)])
def test_job_is_shown_to_the_user_who_started_it(studio, user, is_shown):
    scripted_run(studio.runs, "mine", "running", step=10).update_status(user="anna")
    assert ("mine" in update_jobs(studio, "x", request_from(user)).html) == is_shown


def test_queued_job_is_shown(studio):
    run = scripted_run(studio.runs, "later", "running", step=0)
    run.update_status(state="queued", queue_position=1)
    assert "Waiting: next in queue" in update_jobs(studio, "", request_from()).html
