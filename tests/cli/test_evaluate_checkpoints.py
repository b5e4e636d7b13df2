"""The kept checkpoints of a run: which there are, their weights, and their evaluation over the steps."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from qal.cli.evaluation import checkpoints
from qal.cli.main import main
from qal.corpus.manifest import Corpus
from qal.errors import EvaluationError, TrainingError
from qal.evaluation.records import read_evaluation
from qal.jobs.kept_checkpoints import choose_checkpoints, kept_checkpoints
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run
from qal.training.loop.checkpoint_weights import checkpoint_step, write_trained_weights
from tests.model_folders import model_directory
from tests.run_folders import scripted_run
from tests.training.tiny_run import tiny_fit


@pytest.fixture(scope="module")
def trained(tiny_weights: Path, module_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of two epochs that keeps the weights of each."""
    runs = tmp_path_factory.mktemp("runs")
    return tiny_fit(runs, tiny_weights, module_corpus, checkpoints={"keep_epochs": True, "every_minutes": 0})


@pytest.mark.long
def test_kept_checkpoints_are_listed_with_their_steps(trained):
    found = {checkpoint.name: checkpoint.step for checkpoint in kept_checkpoints(trained)}
    assert (found["epoch-1"], found["epoch-2"]) == (4, 8)
    assert found.keys() == {"epoch-1", "epoch-2", "previous", "last"}
    assert checkpoint_step(trained.checkpoints / "last.ckpt") == 8


def test_finished_model_is_one_of_the_checkpoints_and_unknown_names_are_errors(tmp_path):
    run = scripted_run(tmp_path, "r", "finished")
    with pytest.raises(EvaluationError, match="has kept no checkpoints"):
        choose_checkpoints(run, [])
    model_directory(run.model)
    assert [checkpoint.name for checkpoint in choose_checkpoints(run, [])] == ["final"]
    with pytest.raises(EvaluationError, match="no checkpoint 'epoch-9'; it has final"):
        choose_checkpoints(run, ["epoch-9"])


@pytest.mark.long
@pytest.mark.parametrize("name", ["epoch-2.safetensors", "last.ckpt"])
def test_weights_of_the_last_checkpoint_are_those_of_the_result(name, trained, tiny_weights, tmp_path):
    config = load_config(trained.config_file)
    folder = write_trained_weights(trained.checkpoints / name, config, tiny_weights, tmp_path / "adapter")
    ours, result = (load_file(adapter / "adapter_model.safetensors") for adapter in (folder, trained.adapter))
    assert ours.keys() == result.keys()
    assert all(torch.equal(ours[key], result[key]) for key in result)


@pytest.mark.long
@pytest.mark.parametrize("name", ["bad.ckpt", "bad.safetensors", "missing.ckpt", "missing.safetensors"])
def test_damaged_or_missing_checkpoint_is_an_error(name, trained, tiny_weights, tmp_path):
    if name.startswith("bad"):
        (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(TrainingError, match="missing or damaged"):
        write_trained_weights(tmp_path / name, load_config(trained.config_file), tiny_weights, tmp_path / "adapter")


@pytest.mark.long
def test_checkpoints_are_evaluated_on_the_same_examples_as_a_series(
    trained, tiny_weights, module_corpus, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(checkpoints, "base_weights", lambda base, runs: tiny_weights)
    command = ["evaluate", "checkpoints", "r", str(module_corpus.folder), "--runs", str(trained.folder.parent)]
    command += ["--out", str(tmp_path / "evaluations"), "--device", "cpu", "--only", "last", "epoch-1"]
    main([*command, "--json"])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [(c["name"], c["step"], c["utterances"]) for c in found["checkpoints"]] == [
        ("epoch-1", 4, 4),
        ("last", 8, 4),
    ]
    assert [c["change"] is None for c in found["checkpoints"]] == [True, False]
    evaluation = read_evaluation(Path(found["checkpoints"][0]["evaluation"]))
    assert (evaluation.model, evaluation.step) == ("r@epoch-1", 4)
    assert not list(trained.folder.glob(".checkpoint-*"))  # the temporary models
    monkeypatch.setattr(checkpoints, "converted", lambda *_: pytest.fail("converted again"))
    main(command)
    assert "step 4  epoch-1" in capsys.readouterr().out
