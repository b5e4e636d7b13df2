import json

import numpy as np
import pytest

from qal.errors import TrainingError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import create_run
from qal.training.loop.learning_rate_finder import LEARNING_RATE_FILE, find_learning_rate, suggestion


def test_the_finder_leaves_a_curve_and_a_rate_on_it(tiny_weights, tiny_corpus, tmp_path):
    values = {"batch_size": 1, "precision": "32-true", "device": "cpu", "optimizer": {"accumulate": 2}}
    config = TrainingConfig.model_validate({**values, "trained": {"adapter": "none"}})
    run = create_run(config, tmp_path, "r")
    seen: list[tuple[int, int]] = []
    bar = lambda stage: lambda done, of: seen.append((done, of))  # noqa: E731
    found = find_learning_rate(run, config, tiny_weights, [tiny_corpus], bar, steps=30)
    assert found is not None
    assert json.loads((run.folder / LEARNING_RATE_FILE).read_text()) == found
    assert found["suggestion"] in found["learning_rate"]
    assert len(found["learning_rate"]) == len(found["loss"]) > 20
    assert found["learning_rate"] == sorted(found["learning_rate"])
    assert 1e-5 < found["suggestion"] < 1e-1
    assert seen[-1][0] >= len(found["loss"])
    assert [p.name for p in run.folder.iterdir() if p.suffix == ".ckpt"] == []


def test_a_finder_that_is_told_to_stop_suggests_nothing(tiny_weights, tiny_corpus, tmp_path):
    config = TrainingConfig.model_validate({"batch_size": 1, "precision": "32-true", "device": "cpu"})
    run = create_run(config, tmp_path, "r")
    run.request_stop()
    assert find_learning_rate(run, config, tiny_weights, [tiny_corpus], lambda _: lambda done, of: None) is None
    assert not (run.folder / LEARNING_RATE_FILE).exists()


def test_the_suggestion_is_where_the_loss_falls_fastest_over_the_logarithm():
    rates = np.geomspace(1e-7, 1, 100)
    falling = 8 - 4 / (1 + np.exp(-3 * (np.log(rates) - np.log(1e-3))))
    diverging = falling + np.where(rates > 0.1, 100 * rates, 0)
    assert suggestion(rates.tolist(), diverging.tolist()) == pytest.approx(1e-3, rel=0.2)


@pytest.mark.parametrize("losses", [[1.0], [1.0, 2.0, 3.0, 4.0, 5.0]])
def test_where_no_rate_helps_it_says_so(losses: list[float]):
    with pytest.raises(TrainingError, match="fell at no learning rate"):
        suggestion(np.geomspace(1e-7, 1, len(losses)).tolist(), losses)
