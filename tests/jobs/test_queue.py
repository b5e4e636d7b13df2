"""Jobs that wait for the device, each in a process of its own, and what may be done to them. No model is needed."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from qal.errors import TrainingError
from qal.jobs import job
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from tests.waiting import until

JOB = """
    import sys, time
    from pathlib import Path
    import train_whisper_lightning as script
    def job_stages(run, config, attempt, orders=None):  # uses the device until somebody stops it
        run.update_status(stage="train")
        for _ in range(6000):
            run.require_wanted()
            time.sleep(0.01)
    script.job_stages = job_stages
    script.main(sys.argv[1:])
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runs folder whose jobs do nothing but hold the device; those that are left are killed."""
    script = tmp_path / "job.py"
    script.write_text(textwrap.dedent(JOB))
    monkeypatch.setattr(job, "trainer_command", lambda run: [sys.executable, str(script), "--resume", str(run.folder)])
    yield tmp_path / "runs"
    for run in [*job.waiting(tmp_path / "runs"), *filter(None, [job.running(tmp_path / "runs")])]:
        job.kill(run)


def started(runs: Path, user: str | None = None) -> Run:
    return job.start(TrainingConfig(), runs, user)


def is_running(run: Run) -> bool:
    return run.status().state == "running"


def test_jobs_take_turns_in_the_order_in_which_they_came(runs):
    first = started(runs)
    until(lambda: is_running(first))
    second, third = started(runs), started(runs)
    until(lambda: (second.status().queue_position, third.status().queue_position) == (1, 2))
    assert [run.id for run in job.waiting(runs)] == [second.id, third.id]
    assert job.running(runs) == first or job.running(runs).id == first.id  # pyright: ignore[reportOptionalMemberAccess]
    job.stop(first)
    until(lambda: is_running(second))
    assert first.status().state == "interrupted"
    assert third.status().state == "queued"
    until(lambda: third.status().queue_position == 1)


def test_one_that_waits_can_leave_the_queue_and_come_back_behind_the_others(runs):
    first = started(runs)
    until(lambda: is_running(first))
    second, third = started(runs), started(runs)
    until(lambda: third.status().queue_position == 2)
    job.stop(second)
    until(lambda: second.status().state == "interrupted")
    assert "queue" in (second.status().reason or "")
    job.resume(second)
    until(lambda: second.status().queue_position == 2)
    assert [run.id for run in job.waiting(runs)] == [third.id, second.id]


def test_the_queue_needs_no_server_and_a_dead_job_is_passed_over(runs):
    first = started(runs)
    until(lambda: is_running(first))
    second, third = started(runs), started(runs)
    until(lambda: third.status().queue_position == 2 and second.status().pid)
    job.kill(second)
    until(lambda: second.status().state == "interrupted")
    job.kill(first)
    until(lambda: is_running(third))


def test_a_job_that_is_refused_before_its_turn_has_failed_and_says_why(runs):
    run = create_run(TrainingConfig(), runs, "r")
    run.config_file.write_text("epochs: none\n")
    job.launch(run)
    until(lambda: run.status().state == "failed")
    assert "epochs" in (run.status().reason or "")


def test_kill_ends_the_process_and_its_children_at_once(runs, tmp_path):
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "
    process = subprocess.Popen([sys.executable, "-c", child + "time.sleep(99)"])
    family = psutil.Process(process.pid)
    until(family.children)
    (young,) = family.children()
    run = create_run(TrainingConfig(), runs, "r")
    run.update_status(state="running", pid=process.pid, pid_started=family.create_time())
    job.kill(run)
    assert not family.is_running()
    until(lambda: not young.is_running() or young.status() == psutil.STATUS_ZOMBIE)
    assert run.status().state == "interrupted"
    with pytest.raises(TrainingError, match="has ended already"):
        job.kill(run)


def test_a_terminal_does_not_wait_and_a_job_in_the_queue_is_no_reason_to_refuse_one(runs):
    first = started(runs)
    until(lambda: is_running(first))
    with pytest.raises(TrainingError, match=first.id), job.device_lock(runs):
        pass
    job.stop(first)
    until(lambda: first.status().state == "interrupted")
    until(lambda: not job.waiting(runs))
    with job.device_lock(runs):
        assert True


def test_a_run_that_nobody_came_to_start_is_interrupted_in_the_end(runs):
    run = create_run(TrainingConfig(), runs, "r")
    assert run.status().state == "queued"
    run.write_status(run.status().model_copy(update={"heartbeat": time.time() - 61}))
    assert run.status().state == "interrupted"
    assert job.waiting(runs) == []


def test_the_trash_takes_ended_runs_only_and_keeps_them_whole(runs):
    run = create_run(TrainingConfig(), runs, "r")
    with pytest.raises(TrainingError, match="still queued"):
        job.trash(run)
    run.update_status(state="failed")
    moved = job.trash(run)
    assert not run.folder.exists()
    assert moved.parent == runs / ".trash"
    assert (moved / "config.yaml").is_file()
    assert os.listdir(runs) == [".trash"]


def test_who_started_a_job_is_written_down_and_stays(runs):
    run = started(runs, "anna")
    until(lambda: is_running(run))
    assert run.status().user == "anna"
