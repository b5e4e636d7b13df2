"""The line with the user's jobs in progress."""

import sys
import time
from typing import Literal

import pytest

from qal.jobs.notes import rename
from qal.jobs.stages import StageStatus
from qal.jobs.status import run_share
from qal.transcription.options import TranscriptionOptions
from qal.transcription.queue import QueuedFile
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from tests.ui_components.train.run.run_page import is_unchanged
from tests.waiting import wait_until
from ui_components.app.running_jobs import update_jobs
from ui_components.data.add import jobs
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


def background_job(studio, script: str, user: str | None = None, kind: Literal["import", "check"] = "import"):
    folder = jobs.new_job_folder(studio.data)
    job = jobs.new_job(folder, kind, "my-voice", [sys.executable, "-c", script], "Import of my-voice")
    return folder, jobs.start_job(folder, job.model_copy(update={"user": user}))


RUNNING = "import time; print('import:  25%|x | 2/8 [00:01<00:03, 2 entries/s]', end='', flush=True); time.sleep(60)"


def test_running_import_is_on_every_tab_with_its_share_and_a_link_also_after_a_reload(studio):
    folder, job = background_job(studio, RUNNING)
    wait_until(lambda: "Importing · 25 % · 00:03 left" in update_jobs(studio, "", request_from()).html)
    assert '<a href="#data" title="my-voice">' in update_jobs(studio, "", request_from()).html
    jobs.cancel_job(folder, job)
    assert "Import cancelled" in update_jobs(studio, "", request_from()).html


@pytest.mark.parametrize(
    ("script", "kind", "shown"),
    [
        ("print('{}')", "import", "Imported"),
        ("print('{}')", "check", "Checked"),
        ("print('error: no audio')", "import", "Import failed"),
        ("print('import: 1 entries [00:01, 1 entries/s]')", "import", "Import interrupted"),
    ],
)
def test_end_of_an_import_is_on_every_tab_for_some_minutes(studio, monkeypatch, script, kind, shown):
    background_job(studio, script, kind=kind)
    wait_until(lambda: f"<span>{shown}</span>" in update_jobs(studio, "", request_from()).html)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + jobs.RECENT_S + 60)
    assert update_jobs(studio, "x", request_from()).html == ""


@pytest.mark.parametrize(("user", "is_shown"), [("anna", True), ("bekele", False), (None, True)])
def test_import_is_in_the_line_of_the_user_who_started_it(studio, user, is_shown):
    folder, job = background_job(studio, RUNNING, "anna")
    assert ("my-voice" in update_jobs(studio, "x", request_from(user)).html) == is_shown
    jobs.cancel_job(folder, job)


def test_queued_job_is_shown(studio):
    run = scripted_run(studio.runs, "later", "running", step=0)
    run.update_status(state="queued", queue_position=1)
    assert "Waiting: next in queue" in update_jobs(studio, "", request_from()).html


@pytest.mark.parametrize(("user", "is_shown"), [("anna", True), ("bekele", False), (None, True)])
def test_files_that_are_transcribed_are_on_every_tab_of_their_user(studio, monkeypatch, user, is_shown):
    options = TranscriptionOptions(model="base")
    listed = {"id": "a", "source": "/x", "name": "talk.mp4", "options": options, "user": "anna"}
    running = QueuedFile(**listed, state="running", settled_s=5.0, duration_s=20.0)
    waiting, done = (running.model_copy(update={"state": state}) for state in ("waiting", "done"))
    monkeypatch.setattr(studio.file_queue, "files", lambda: [done, running, waiting])
    line = update_jobs(studio, "x", request_from(user)).html
    assert ('href="#transcribe" title="talk.mp4 and 1 more"' in line) == is_shown
    assert ("Transcribing · 25 %" in line) == is_shown
