"""The learning-rate finder: its curve, its suggestion, and a stop on request."""

import json

import numpy as np
import pytest

from qal.errors import TrainingError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import create_run
from qal.training.loop.learning_rate_finder import find_learning_rate, suggested_rate


def test_finder_writes_a_curve_and_suggests_one_of_its_rates(tiny_weights, tiny_corpus, tmp_path):
    values = {"batch_size": 1, "precision": "32-true", "device": "cpu", "optimizer": {"accumulate": 2}}
    config = TrainingConfig.model_validate({**values, "trained": {"adapter": "none"}})
    run = create_run(config, tmp_path, "r")
    progress: list[tuple[int, int]] = []

    def record_progress(stage: str):
        return lambda done, total: progress.append((done, total))

    curve = find_learning_rate(run, config, tiny_weights, [tiny_corpus], record_progress, steps=30)
    assert curve is not None
    assert json.loads(run.learning_rate_file.read_text()) == curve
    assert curve["suggestion"] in curve["learning_rate"]
    assert len(curve["learning_rate"]) == len(curve["loss"]) > 20
    assert curve["learning_rate"] == sorted(curve["learning_rate"])
    assert 1e-5 < curve["suggestion"] < 1e-1
    assert progress[-1][0] >= len(curve["loss"])
    assert [path.name for path in run.folder.iterdir() if path.suffix == ".ckpt"] == []


def test_finder_that_is_stopped_suggests_no_rate(tiny_weights, tiny_corpus, tmp_path):
    config = TrainingConfig.model_validate({"batch_size": 1, "precision": "32-true", "device": "cpu"})
    run = create_run(config, tmp_path, "r")
    run.request_stop()
    assert find_learning_rate(run, config, tiny_weights, [tiny_corpus], lambda _: lambda done, total: None) is None
    assert not run.learning_rate_file.exists()


def test_suggested_rate_has_the_steepest_slope_over_the_logarithm_of_the_rate():
    rates = np.geomspace(1e-7, 1, 100)
    falling = 8 - 4 / (1 + np.exp(-3 * (np.log(rates) - np.log(1e-3))))
    diverging = falling + np.where(rates > 0.1, 100 * rates, 0)
    assert suggested_rate(rates.tolist(), diverging.tolist()) == pytest.approx(1e-3, rel=0.2)


@pytest.mark.parametrize("losses", [[1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
def test_loss_that_falls_at_no_rate_is_an_error(losses: list[float]):
    with pytest.raises(TrainingError, match="fell at no learning rate"):
        suggested_rate(np.geomspace(1e-7, 1, len(losses)).tolist(), losses)
