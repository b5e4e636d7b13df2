"""Route by which the Run tab learns that a run has changed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from qal.api.studio.run_changes import CHANGES_PATH, GONE, run_changes, run_changes_route
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create_run(TrainingConfig(corpus=["data/none"]), tmp_path, "mine")


@pytest.mark.parametrize(
    ("change", "is_result"),
    [
        (lambda run: run.append_metrics({"kind": "step", "step": 1}), True),
        (lambda run: run.append_samples({"epoch": 1}), True),
        (lambda run: run.update_status(stage="train"), True),
        (lambda run: run.update_status(state="stopping"), True),
        (lambda run: run.request_stop(), True),
        (lambda run: run.update_status(stage_done=3), False),
        (lambda run: run.update_status(step=3), False),
    ],
)
def test_results_and_progress_change_with_what_the_tab_shows(run: Run, change: Callable[[Run], None], is_result: bool):
    before = run_changes(run.folder.parent, run.id)
    assert run_changes(run.folder.parent, run.id) == before
    change(run)
    after = run_changes(run.folder.parent, run.id)
    assert (after.results != before.results) == is_result
    assert is_result or after.progress != before.progress


def test_heartbeat_is_no_change(run: Run):
    before = run_changes(run.folder.parent, run.id)
    run.update_status(heartbeat=1e10)
    assert run_changes(run.folder.parent, run.id) == before


def test_run_that_was_deleted_is_gone(tmp_path: Path):
    assert run_changes(tmp_path, "deleted").results == GONE


@pytest.mark.parametrize("name", ["..", "../mine", "a/b", "", "x" * 101, "\x00"])
def test_route_refuses_names_that_are_no_runs(run: Run, name: str):
    app = Starlette(routes=[run_changes_route(run.folder.parent, lambda _: True)])
    with TestClient(app) as client:
        assert client.post(CHANGES_PATH, json={"run": name}).status_code == 400
        assert client.post(CHANGES_PATH, json={"run": run.id}).json()["progress"]
