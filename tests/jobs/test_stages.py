"""Stages of a job: completed share, remaining time, and the files of old versions."""

import pytest

from qal.jobs.stages import StageStatus, completed_share, part_progress, remaining_s
from qal.jobs.status import Status, run_share

PREPARE = StageStatus(name="prepare", expected_s=20, total=4, done=4, seconds=20, over=True)
TRAIN = StageStatus(name="train", expected_s=100, total=50)
REPORT = StageStatus(name="report", expected_s=80)


def status_of(*stages: StageStatus, **fields) -> Status:
    return Status.model_validate({"state": "running", "stages": [stage.model_dump() for stage in stages], **fields})


def test_all_training_steps_done_is_not_all_of_the_run():
    trained = TRAIN.model_copy(update={"done": 50, "seconds": 100.0, "over": True})
    assert completed_share((PREPARE, trained, REPORT)) == pytest.approx(120 / 200)
    assert run_share(status_of(PREPARE, trained, REPORT, step=50, steps=50)) == pytest.approx(0.6)


def test_share_is_whole_only_for_a_finished_run():
    done = StageStatus(name="report", expected_s=80, total=4, done=4, over=True)
    assert run_share(status_of(done)) == 0.99
    assert run_share(status_of(REPORT, state="finished")) == 1.0


def test_share_never_falls_while_stages_advance():
    shares = []
    for step in range(51):
        train = TRAIN.model_copy(update={"done": step, "seconds": 7.0 * step})
        shares.append(completed_share((PREPARE, train, REPORT)))
    assert shares == sorted(shares)


def test_remaining_time_is_the_stages_own_pace_and_scales_what_has_not_begun():
    slow = TRAIN.model_copy(update={"done": 25, "seconds": 100.0})  # twice the expected time
    assert remaining_s((slow, REPORT)) == pytest.approx(100 + 2 * 80)
    assert remaining_s((TRAIN, REPORT)) == pytest.approx(180)
    assert remaining_s(()) is None


def test_pace_of_a_resumed_stage_does_not_count_earlier_attempts():
    resumed = TRAIN.model_copy(update={"resumed_at": 40, "done": 45, "seconds": 10.0})
    assert resumed.seconds_per_unit == 2.0
    assert remaining_s((resumed,)) == pytest.approx(10)


def test_status_of_an_old_version_without_stages_is_read():
    old = Status.model_validate_json(
        '{"state": "running", "stage": "check", "step": 88, "steps": 88, "heartbeat": 1.0}'
    )
    assert old.stages == ()
    assert run_share(old) == 0.99
    assert run_share(old.model_copy(update={"step": 22})) == 0.25


def test_parts_of_a_stage_are_reported_one_after_the_other():
    calls = []
    for index in range(3):
        report = part_progress(lambda done, total: calls.append((done, total)), index, 3)
        report(1, 2)
        report(2, 2)
    assert calls == [(1, 6), (2, 6), (3, 6), (4, 6), (5, 6), (6, 6)]
