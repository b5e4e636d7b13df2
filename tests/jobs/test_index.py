import json
import time

import psutil
import pytest

from qal.jobs import index as index_module
from qal.jobs.index import BestValidation, RunIndex
from qal.jobs.metrics import train_seconds
from qal.jobs.notes import Notes, write_notes
from qal.jobs.run import Run, list_runs
from qal.jobs.status import State
from tests.run_folders import REPORT, STEPS, epoch_row, scripted_run, step_row


@pytest.fixture
def runs(tmp_path):
    states: dict[str, State] = {"a": "finished", "b": "failed", "c": "running"}
    for name, state in states.items():
        scripted_run(tmp_path / "runs", name, state, step=12)
    (tmp_path / "runs" / ".trash").mkdir()
    (tmp_path / "runs" / "no-run").mkdir()
    (tmp_path / "runs" / "file.txt").write_text("")
    return tmp_path / "runs"


def entries_by_id(run_index: RunIndex, runs) -> dict:
    return {entry.id: entry for entry in run_index.entries(runs)}


def test_run_index_has_the_content_of_the_run_folders(runs):
    run_index = RunIndex()
    for _ in range(2):
        entries = entries_by_id(run_index, runs)
        assert set(entries) == {run.id for run in list_runs(runs)} == {"a", "b", "c"}
        for entry in entries.values():
            assert entry.status == entry.run.status()
            assert entry.report == entry.run.report()
            assert entry.config is not None
        assert [e.ended for e in entries.values()].count(False) == 1


def test_run_index_shows_changed_files_at_once(runs):
    run_index = RunIndex()
    run = entries_by_id(run_index, runs)["b"].run
    run.update_status(state="finished", reason=None)
    assert entries_by_id(run_index, runs)["b"].status.state == "finished"
    write_notes(run, Notes(title="mine"))
    assert entries_by_id(run_index, runs)["b"].name == "mine"
    run.report_file.write_text(REPORT.model_copy(update={"base_model": "x"}).to_json())
    assert entries_by_id(run_index, runs)["b"].report.base_model == "x"
    run.config_file.write_text("epochs: 3\n")
    assert entries_by_id(run_index, runs)["b"].config.epochs == 3
    run.folder.rename(runs / ".trash" / "b")
    assert "b" not in entries_by_id(run_index, runs)


def test_run_whose_process_was_killed_is_interrupted_although_no_file_changes(runs):
    run_index = RunIndex()
    run = entries_by_id(run_index, runs)["c"].run
    status = run.status()
    run.write_status(status.model_copy(update={"pid": 2**22 + 1}))
    assert entries_by_id(run_index, runs)["c"].status.state == "interrupted"


@pytest.mark.parametrize("content", ["", "{", "[1]", "epochs: many", "- a\n- b", "[" * 40_000, "epochs: 9999-99-99"])
def test_run_with_broken_config_and_report_is_listed(runs, content):
    run = entries_by_id(RunIndex(), runs)["a"].run
    for file in (run.config_file, run.report_file):
        file.write_text(content)
    entry = entries_by_id(RunIndex(), runs)["a"]
    assert entry.report is None
    assert entry.status.state == "finished"
    assert entry.config is None or content == ""  # an empty file has the default settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"tuned_adaptive": {"wer": 0.1}},
        {"stock_30s": "0.2"},
        {"paired": {"difference": 0.1}},
        {"paired": [1]},
        {"retention": {"failures": 5}},
        {"tuned_30s": {"wer": 0.1, "wer_low": 0.1, "wer_high": 0.1, "cer": 0.1, "rtf": "x"}},
    ],
)
def test_report_with_wrong_fields_is_none(runs, wrong):
    run = entries_by_id(RunIndex(), runs)["a"].run
    run.report_file.write_text(json.dumps(REPORT.model_dump() | wrong))
    assert entries_by_id(RunIndex(), runs)["a"].report is None
    run.report_file.write_text(REPORT.to_json())
    assert entries_by_id(RunIndex(), runs)["a"].report == REPORT


@pytest.mark.parametrize("status", ['{"state": "running", "pid": -1}', '{"state": "running", "pid": 1e30}'])
def test_status_with_an_impossible_pid_is_interrupted(runs, status):
    run = entries_by_id(RunIndex(), runs)["a"].run
    run.status_file.write_text(status)
    assert entries_by_id(RunIndex(), runs)["a"].status.state == "interrupted"


def test_run_index_reads_a_config_again_only_if_it_changed(runs, monkeypatch):
    read = []
    load = index_module.load_config
    monkeypatch.setattr(index_module, "load_config", lambda path: read.append(path) or load(path))
    run_index = RunIndex()
    for _ in range(5):
        run_index.entries(runs)
    assert len(read) == 3
    entries_by_id(run_index, runs)["a"].run.config_file.write_text("epochs: 9\n")
    run_index.entries(runs)
    assert len(read) == 4


def best_validation(run_index: RunIndex, run: Run) -> BestValidation:
    best = run_index.progress(run).best
    assert best
    return best


def test_best_validation_leaves_out_the_base_model_and_wer_that_is_not_finite(tmp_path):
    run = scripted_run(tmp_path / "runs", "r", "finished", step=STEPS)
    run_index = RunIndex()
    assert best_validation(run_index, run).epoch == 4
    assert best_validation(run_index, run).wer == pytest.approx(0.18)
    assert run_index.progress(run).train_s == train_seconds(run.metrics()) > 0
    run.append_metrics({**epoch_row(5), "wer": 0.01})
    run.append_metrics({**epoch_row(6), "wer": float("nan")})
    assert best_validation(run_index, run).wer == 0.01
    without_validation = scripted_run(tmp_path / "runs", "s", "failed", step=3)
    assert run_index.progress(without_validation).best is None
    without_validation.append_metrics(step_row(4))


@pytest.mark.parametrize("error", [psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess])
def test_run_whose_process_cannot_be_read_is_listed_with_the_others(tmp_path, monkeypatch, error):
    """The process of another account may hide what it is."""
    scripted_run(tmp_path, "foreign", "running", step=5)
    scripted_run(tmp_path, "own", "finished")

    def unreadable(self):
        raise error(self.pid)

    monkeypatch.setattr(psutil.Process, "create_time", unreadable)
    states = {entry.id: entry.status.state for entry in RunIndex().entries(tmp_path)}
    assert states == {"foreign": "running" if error is psutil.AccessDenied else "interrupted", "own": "finished"}
    assert {run.id for run in list_runs(tmp_path)} == {"foreign", "own"}


def test_unreadable_process_with_an_old_heartbeat_is_not_the_runs(tmp_path, monkeypatch):
    run = scripted_run(tmp_path, "foreign", "running", step=5)
    run.update_status(heartbeat=time.time() - 1000)

    def unreadable(self):
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "create_time", unreadable)
    assert run.status().state == "interrupted"
