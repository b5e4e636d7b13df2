"""Checkpoints of a run: their form, and their error rates over the steps."""

import json

import pytest

from qal.errors import EvaluationError, OptionError, TrainingError
from qal.evaluation.records import read_evaluation, write_evaluation
from tests.run_folders import scripted_run
from tests.ui_components.conftest import request_from
from ui_components.evaluate.results.comparison import model_titles
from ui_components.evaluate.results.series import series_charts, series_points
from ui_components.evaluate.start import checkpoints, jobs


@pytest.fixture
def run(studio):
    """A stopped run that has kept two epochs."""
    run = scripted_run(studio.runs, "mine", "interrupted")
    run.checkpoints.mkdir(exist_ok=True)
    for epoch in (1, 2):
        (run.checkpoints / f"epoch-{epoch}.safetensors").write_bytes(b"weights")
    scripted_run(studio.runs, "other", "failed")
    return run


def settings(studio) -> tuple:
    return (str(studio.data / "numbers"), "test", "basic-2", None, "", "auto")


def test_runs_with_checkpoints_are_listed_and_all_of_their_checkpoints_are_chosen(studio, run):
    found = checkpoints.update_runs(studio, None, None)
    assert [value for _, value in found.run.choices] == ["mine"]
    assert found.checkpoints.choices == [("Epoch 1, step 10", "epoch-1"), ("Epoch 2, step 20", "epoch-2")]
    assert found.checkpoints.value == ["epoch-1", "epoch-2"]
    assert checkpoints.update_runs(studio, "mine", ["epoch-2"]).checkpoints.value == ["epoch-2"]
    assert checkpoints.update_checkpoints(studio, "mine").checkpoints.value == ["epoch-1", "epoch-2"]


def test_checkpoints_are_evaluated_by_one_process(studio, run, monkeypatch):
    monkeypatch.setattr(jobs, "start_job", lambda folder, job: None)
    started = []
    monkeypatch.setattr(jobs, "start_evaluation", lambda *given: started.append(given))
    checkpoints.start_checkpoints(studio, request_from("abeba"), "mine", ["epoch-2"], *settings(studio))
    ((_, models, dataset, command, user),) = started
    assert (models, dataset, user) == (("mine@epoch-2",), "numbers", "abeba")
    assert command[3:6] == ["evaluate", "checkpoints", "mine"]
    assert command[-2:] == ["--only", "epoch-2"]
    assert "--user=abeba" in command


def test_form_without_run_checkpoint_or_dataset_is_an_error(studio, run):
    for error, run_id, names, given in (
        (TrainingError, None, ["epoch-1"], settings(studio)),
        (TrainingError, "../mine", ["epoch-1"], settings(studio)),
        (OptionError, "mine", [], settings(studio)),
        (EvaluationError, "mine", ["epoch-7"], settings(studio)),
        (OptionError, "mine", ["epoch-1"], ("", *settings(studio)[1:])),
    ):
        with pytest.raises(error):
            checkpoints.start_checkpoints(studio, request_from(), run_id, names, *given)


def test_checkpoints_of_one_run_are_a_series_over_its_steps(studio, run, evaluated):
    for name, step, wrong in (("late", 20, {}), ("early", 10, {"audio/1.wav": "no"}), ("other", None, {})):
        folder = evaluated(name, wrong)
        model = f"mine@epoch-{step // 10}" if step else "base"
        write_evaluation(folder, read_evaluation(folder).model_copy(update={"model": model, "step": step}))
    late, other = (read_evaluation(studio.evaluations / name) for name in ("late", "other"))
    points = series_points(studio, late, "basic-2")
    assert [(point.name, point.step) for point in points] == [("epoch-1", 10), ("epoch-2", 20)]
    (chart,) = series_charts(studio, late, "basic-2")
    trace = json.loads(chart.figure.to_json() or "")["data"][0]
    assert trace["x"] == [10, 20]
    assert trace["mode"] == "lines+markers"
    assert trace["y"][0] > trace["y"][1] == 0
    assert series_charts(studio, other, "basic-2") == []
    assert model_titles(studio)("mine@epoch-2") == "mine · epoch 2"
