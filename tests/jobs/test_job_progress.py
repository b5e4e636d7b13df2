"""Progress and heartbeat of a running job in its status.json."""

import errno
import time

import pytest

from qal.jobs import job_progress
from qal.jobs.job_progress import JobProgress
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, Stopped, begin_attempt, create_run
from qal.jobs.stages import StageStatus, find_stage
from tests.waiting import wait_until

PLAN = {"prepare": 10.0, "train": 100.0, "validate": 20.0, "check": 30.0}


@pytest.fixture
def run(tmp_path, monkeypatch) -> Run:
    monkeypatch.setattr(job_progress, "WRITE_S", 0.01)
    monkeypatch.setattr(job_progress, "HEARTBEAT_S", 0.01)
    run = create_run(TrainingConfig(), tmp_path, "r")
    begin_attempt(run)
    return run


def stage_of(run: Run, name: str) -> StageStatus:
    stage = find_stage(run.status().stages, name)
    assert stage is not None
    return stage


def stages_of(run: Run) -> dict[str, tuple[int, int, bool]]:
    return {stage.name: (stage.done, stage.total, stage.over) for stage in run.status().stages}


def test_heartbeat_goes_on_in_a_stage_without_progress_and_progress_time_does_not(run):
    with JobProgress(run) as progress:
        progress.stage("merge")(1, 2)
        wait_until(lambda: run.status().stage == "merge")
        before = run.status()
        wait_until(lambda: run.status().heartbeat > before.heartbeat)
        assert run.status().progressed == before.progressed


def test_every_stage_writes_its_name_and_its_units(run):
    with JobProgress(run) as progress:
        progress.plan(PLAN)
        progress.stage("prepare")(4, 4)
        progress.stage("check")(30, 90)
        progress.write()
        status = run.status()
        assert (status.stage, status.stage_done, status.stage_total) == ("check", 30, 90)
        assert stages_of(run)["prepare"] == (4, 4, True)
        assert stage_of(run, "check").expected_s == 30.0


def test_training_and_validation_alternate_and_neither_is_over_before_the_next_stage(run):
    with JobProgress(run) as progress:
        progress.plan(PLAN)
        validated = progress.stage("validate")
        validated(4, 12)
        trained = progress.stage("train")
        trained(0, 10)
        trained(5, 10)
        validated(8, 12)
        trained(6, 10)
        progress.write()
        assert run.status().stage == "train"
        assert stages_of(run)["train"] == (6, 10, False)
        assert stages_of(run)["validate"] == (8, 12, False)
        progress.stage("check")
    assert stages_of(run)["train"] == (6, 10, True)
    assert stages_of(run)["validate"] == (8, 12, True)


def test_resumed_training_starts_at_the_steps_of_its_checkpoint(run):
    with JobProgress(run) as progress:
        progress.stage("train")(40, 50)
    assert stage_of(run, "train").resumed_at == 40


def test_stop_request_ends_every_stage_but_the_training_loops(run):
    with JobProgress(run) as progress:
        run.request_stop()
        progress.stage("train")(1, 2)
        progress.stage("validate")(1, 2)
        with pytest.raises(Stopped):
            progress.stage("retention")(1, 2)


def test_job_goes_on_while_status_json_cannot_be_written(run, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with JobProgress(run) as progress:
        monkeypatch.setattr(run, "_replace_status", full)
        progress.stage("check")(1, 2)
        progress.write()
        monkeypatch.undo()
        progress.stage("check")(2, 2)
    assert run.status().stage_done == 2


@pytest.mark.parametrize(
    ("stage", "unit"), [("find", "step"), ("merge", "step"), ("teach", "part"), ("check", "utterance")]
)
def test_bar_of_a_stage_names_its_unit(stage, unit, run, capsys):
    """The learning-rate finder counts steps, the teacher parts of an example."""
    with JobProgress(run) as progress:
        progress.stage(stage)(1, 4)
    assert f"{unit}/s" in capsys.readouterr().err


def test_time_of_a_stage_is_counted_while_it_is_the_current_one(run):
    with JobProgress(run) as progress:
        trained, validated = progress.stage("train"), progress.stage("validate")
        trained(0, 2)
        time.sleep(0.05)
        validated(0, 2)
    assert stage_of(run, "train").seconds >= 0.05
