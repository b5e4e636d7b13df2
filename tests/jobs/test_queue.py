"""Jobs that wait for the device, each in its own process: order, stop, resume, kill and trash. No model is needed."""

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
from qal.jobs.queue import device_lock, queued_jobs, running_job
from qal.jobs.run import Run, create_run
from tests.waiting import wait_until

JOB_SCRIPT = """
    import sys, time
    from pathlib import Path
    import train_whisper_lightning as script
    def run_stages(run, config, *_):  # uses the device until a stop is requested
        run.update_status(stage="train")
        for _ in range(6000):
            run.raise_if_stop_requested()
            time.sleep(0.01)
    script.run_stages = run_stages
    script.main(sys.argv[1:])
"""


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runs folder whose jobs only hold the device; jobs that remain at the end are killed."""
    script = tmp_path / "job.py"
    script.write_text(textwrap.dedent(JOB_SCRIPT))
    monkeypatch.setattr(job, "trainer_command", lambda run: [sys.executable, str(script), "--resume", str(run.folder)])
    yield tmp_path / "runs"
    for run in [*queued_jobs(tmp_path / "runs"), *filter(None, [running_job(tmp_path / "runs")])]:
        job.kill(run)


def start_job(runs: Path, user: str | None = None) -> Run:
    return job.start(TrainingConfig(), runs, user)


def is_running(run: Run) -> bool:
    return run.status().state == "running"


def test_queued_jobs_run_in_the_order_in_which_they_were_started(runs):
    first = start_job(runs)
    wait_until(lambda: is_running(first))
    second, third = start_job(runs), start_job(runs)
    wait_until(lambda: (second.status().queue_position, third.status().queue_position) == (1, 2))
    assert [run.id for run in queued_jobs(runs)] == [second.id, third.id]
    running = running_job(runs)
    assert running
    assert running.id == first.id
    job.stop(first)
    wait_until(lambda: is_running(second))
    assert first.status().state == "interrupted"
    assert third.status().state == "queued"
    wait_until(lambda: third.status().queue_position == 1)


def test_stopped_job_leaves_the_queue_and_resumes_at_its_end(runs):
    first = start_job(runs)
    wait_until(lambda: is_running(first))
    second, third = start_job(runs), start_job(runs)
    wait_until(lambda: third.status().queue_position == 2)
    job.stop(second)
    wait_until(lambda: second.status().state == "interrupted")
    assert "queue" in (second.status().reason or "")
    job.resume(second)
    wait_until(lambda: second.status().queue_position == 2)
    assert [run.id for run in queued_jobs(runs)] == [third.id, second.id]


def test_killed_job_in_the_queue_is_skipped_without_a_server(runs):
    first = start_job(runs)
    wait_until(lambda: is_running(first))
    second, third = start_job(runs), start_job(runs)
    wait_until(lambda: third.status().queue_position == 2 and second.status().pid)
    job.kill(second)
    wait_until(lambda: second.status().state == "interrupted")
    job.kill(first)
    wait_until(lambda: is_running(third))


def test_job_with_an_invalid_config_fails_with_a_reason(runs):
    run = create_run(TrainingConfig(), runs, "r")
    run.config_file.write_text("epochs: none\n")
    job.launch(run)
    wait_until(lambda: run.status().state == "failed")
    assert "epochs" in (run.status().reason or "")


def test_kill_ends_the_process_and_its_children(runs, tmp_path):
    child = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "
    popen = subprocess.Popen([sys.executable, "-c", child + "time.sleep(99)"])
    process = psutil.Process(popen.pid)
    wait_until(process.children)
    (child_process,) = process.children()
    run = create_run(TrainingConfig(), runs, "r")
    run.update_status(state="running", pid=popen.pid, pid_started=process.create_time())
    job.kill(run)
    assert not process.is_running()
    wait_until(lambda: not child_process.is_running() or child_process.status() == psutil.STATUS_ZOMBIE)
    assert run.status().state == "interrupted"
    with pytest.raises(TrainingError, match="has ended already"):
        job.kill(run)


def test_job_of_a_terminal_is_refused_while_the_device_is_in_use_but_not_because_of_queued_jobs(runs):
    first = start_job(runs)
    wait_until(lambda: is_running(first))
    with pytest.raises(TrainingError, match=first.id), device_lock(runs):
        pass
    job.stop(first)
    wait_until(lambda: first.status().state == "interrupted")
    wait_until(lambda: not queued_jobs(runs))
    with device_lock(runs):
        assert True


def test_queued_run_without_a_process_is_interrupted_after_the_start_timeout(runs):
    run = create_run(TrainingConfig(), runs, "r")
    assert run.status().state == "queued"
    run.write_status(run.status().model_copy(update={"heartbeat": time.time() - 61}))
    assert run.status().state == "interrupted"
    assert queued_jobs(runs) == []


def test_trash_takes_ended_runs_only_and_keeps_their_files(runs):
    run = create_run(TrainingConfig(), runs, "r")
    with pytest.raises(TrainingError, match="still queued"):
        job.trash(run)
    run.update_status(state="failed")
    moved = job.trash(run)
    assert not run.folder.exists()
    assert moved.parent == runs / ".trash"
    assert (moved / "config.yaml").is_file()
    assert os.listdir(runs) == [".trash"]


def test_status_keeps_the_user_who_started_the_job(runs):
    run = start_job(runs, "anna")
    wait_until(lambda: is_running(run))
    assert run.status().user == "anna"
