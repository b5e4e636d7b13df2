import json

import pytest

from qal.jobs import index as shelf_module
from qal.jobs.index import Best, Shelf
from qal.jobs.metrics import train_seconds
from qal.jobs.notes import Notes, write_notes
from qal.jobs.run import Run, State, list_runs
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


def by_id(shelf: Shelf, runs) -> dict:
    return {entry.id: entry for entry in shelf.entries(runs)}


def test_it_holds_what_the_folders_say(runs):
    shelf = Shelf()
    for _ in range(2):
        entries = by_id(shelf, runs)
        assert set(entries) == {run.id for run in list_runs(runs)} == {"a", "b", "c"}
        for entry in entries.values():
            assert entry.status == entry.run.status()
            assert entry.report == entry.run.report()
            assert entry.config is not None
        assert [e.ended for e in entries.values()].count(False) == 1


def test_every_change_is_seen_at_once(runs):
    shelf = Shelf()
    run = by_id(shelf, runs)["b"].run
    run.update_status(state="finished", reason=None)
    assert by_id(shelf, runs)["b"].status.state == "finished"
    write_notes(run, Notes(title="mine"))
    assert by_id(shelf, runs)["b"].name == "mine"
    run.report_file.write_text(json.dumps({"base_model": "x"}))
    assert by_id(shelf, runs)["b"].report == {"base_model": "x"}
    run.config_file.write_text("epochs: 3\n")
    assert by_id(shelf, runs)["b"].config.epochs == 3
    run.folder.rename(runs / ".trash" / "b")
    assert "b" not in by_id(shelf, runs)


def test_a_process_that_dies_without_a_word_is_seen_although_no_file_changes(runs):
    shelf = Shelf()
    run = by_id(shelf, runs)["c"].run
    status = run.status()
    run.write_status(status.model_copy(update={"pid": 2**22 + 1}))
    assert by_id(shelf, runs)["c"].status.state == "interrupted"


@pytest.mark.parametrize("content", ["", "{", "[1]", "epochs: many", "- a\n- b", "[" * 40_000, "epochs: 9999-99-99"])
def test_broken_files_hide_no_run(runs, content):
    run = by_id(Shelf(), runs)["a"].run
    for file in (run.config_file, run.report_file):
        file.write_text(content)
    entry = by_id(Shelf(), runs)["a"]
    assert entry.report is None
    assert entry.status.state == "finished"
    assert entry.config is None or content == ""  # nothing at all is read as nothing set


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
def test_a_report_of_another_shape_is_none(runs, wrong):
    run = by_id(Shelf(), runs)["a"].run
    run.report_file.write_text(json.dumps(REPORT | wrong))
    assert by_id(Shelf(), runs)["a"].report is None
    run.report_file.write_text(json.dumps(REPORT))
    assert by_id(Shelf(), runs)["a"].report == REPORT


@pytest.mark.parametrize("status", ['{"state": "running", "pid": -1}', '{"state": "running", "pid": 1e30}'])
def test_a_process_that_cannot_be_is_none(runs, status):
    run = by_id(Shelf(), runs)["a"].run
    run.status_file.write_text(status)
    assert by_id(Shelf(), runs)["a"].status.state == "interrupted"


def test_files_are_read_again_only_where_they_changed(runs, monkeypatch):
    read = []
    load = shelf_module.load_config
    monkeypatch.setattr(shelf_module, "load_config", lambda path: read.append(path) or load(path))
    shelf = Shelf()
    for _ in range(5):
        shelf.entries(runs)
    assert len(read) == 3
    by_id(shelf, runs)["a"].run.config_file.write_text("epochs: 9\n")
    shelf.entries(runs)
    assert len(read) == 4


def best_of(shelf: Shelf, run: Run) -> Best:
    best = shelf.progress(run).best
    assert best
    return best


def test_the_best_validation_leaves_out_the_base(tmp_path):
    run = scripted_run(tmp_path / "runs", "r", "finished", step=STEPS)
    shelf = Shelf()
    assert best_of(shelf, run).epoch == 4
    assert best_of(shelf, run).wer == pytest.approx(0.18)
    assert shelf.progress(run).train_s == train_seconds(run.metrics()) > 0
    run.append_metrics({**epoch_row(5), "wer": 0.01})
    run.append_metrics({**epoch_row(6), "wer": float("nan")})
    assert best_of(shelf, run).wer == 0.01
    alone = scripted_run(tmp_path / "runs", "s", "failed", step=3)
    assert shelf.progress(alone).best is None
    alone.append_metrics(step_row(4))
