"""Resume of every training method, early stopping, and the selection of the final weights."""

import functools
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from qal.corpus.manifest import Corpus
from qal.evaluation.error_rates import count_errors
from qal.jobs.index import best_validation
from qal.jobs.options.learning import ResultOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config, save_config
from qal.jobs.run import Run, create_run
from qal.training.loop import weight_selection
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.early_stopping import early_stopping
from qal.training.loop.fit import fit
from qal.training.loop.weight_selection import (
    BEST_WEIGHTS_FILE,
    EPOCH_WEIGHTS_FILE,
    WeightSelection,
    best_rate,
    mean_weights,
    write_weights,
)
from qal.training.model import lightning_module
from qal.training.model.lightning_module import DECIDING_RATE, SpeechModule
from qal.training.model.short_context import greedy_decode
from tests.training.tiny_run import step_metrics, stop_after

NO_AUGMENTATION = {"waveform": 0, "time_masks": 0, "frequency_masks": 0}
METHODS: dict[str, dict] = {
    "lora, accumulated": {"batch_size": 1, "optimizer": {"accumulate": 3}, "lora": {"rank": 4}},
    "adalora, layer drop": {
        "trained": {"adapter": "adalora"},
        "lora": {"rank": 2},
        "adalora": {"start_rank": 4},
        "optimizer": {"encoder_layer_drop": 0.3, "decoder_layer_drop": 0.3, "schedule": "cosine"},
    },
    "decoder, gradient checkpointing": {
        "trained": {"adapter": "none", "part": "decoder"},
        "optimizer": {"decayed": "matrices", "label_smoothing": 0.1, "decoder_layer_drop": 0.3, "schedule": "linear"},
        "compute": {"recompute": True},
        "result": {"keep": "average", "averaged_epochs": 2},
    },
}


@pytest.fixture(autouse=True)
def short_predictions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits the predictions of validation: with random weights they would reach the token limit."""
    monkeypatch.setattr(lightning_module, "greedy_decode", functools.partial(greedy_decode, max_tokens=4))


def train(weights: Path, corpus: Corpus, runs: Path, name: str = "r", **settings) -> tuple[Run, Path | None]:
    """Trains in this process as the script would; in the same folder it resumes."""
    defaults = {"batch_size": 2, "epochs": 2, "precision": "32-true", "device": "cpu", "augmentation": NO_AUGMENTATION}
    config = TrainingConfig.model_validate({**defaults, **settings})
    run = Run(runs / name) if (runs / name).exists() else create_run(config, runs, name)
    run.stop_file.unlink(missing_ok=True)
    return run, fit(run, config, weights, [corpus], 1, lambda stage: lambda done, total: None)


def saved_weights(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


@pytest.mark.parametrize("method", METHODS)
def test_stopped_run_of_any_method_resumes_to_the_same_weights(
    method, tiny_weights, tiny_corpus, tmp_path, monkeypatch
):
    settings = METHODS[method]
    uninterrupted_run, expected_folder = train(tiny_weights, tiny_corpus, tmp_path / "uninterrupted", **settings)
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        _, stopped = train(tiny_weights, tiny_corpus, tmp_path / "stopped", **settings)
    assert stopped is None
    resumed_run, resumed_folder = train(tiny_weights, tiny_corpus, tmp_path / "stopped", **settings)
    assert expected_folder is not None
    assert resumed_folder is not None
    expected, resumed = saved_weights(expected_folder), saved_weights(resumed_folder)
    assert expected.keys() == resumed.keys()
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    resumed_steps, expected_steps = step_metrics(resumed_run), step_metrics(uninterrupted_run)
    assert [row["step"] for row in resumed_steps] == [1, 2, 3, 4]
    assert [row["loss"] for row in resumed_steps] == [row["loss"] for row in expected_steps]
    assert not list(resumed_run.checkpoints.glob(EPOCH_WEIGHTS_FILE.format("*")))


def test_checkpoint_holds_the_trainable_weights_alone(tiny_weights, tiny_corpus, tmp_path):
    run, _ = train(tiny_weights, tiny_corpus, tmp_path, epochs=1, trained={"adapter": "none", "part": "decoder"})
    state = torch.load(run.checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    assert state
    assert all(name.startswith("model.model.decoder.") for name in state)


def script_wers(wers: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes validations log the given rates; the first is that of the validation before the first epoch."""
    script_rates([{"wer": wer, DECIDING_RATE: wer} for wer in wers], monkeypatch)


def script_rates(rates: list[dict[str, float]], monkeypatch: pytest.MonkeyPatch) -> None:
    remaining = iter(rates)
    monkeypatch.setattr(SpeechModule, "on_validation_epoch_end", lambda self: self.log_dict(next(remaining)))


@pytest.mark.parametrize(
    ("wers", "patience", "min_delta", "epochs"),
    [
        ([1.0, 0.9, 0.9, 0.9, 0.1], 2, 0.0, 3),
        ([1.0, 0.9, 0.8, 0.7, 0.6], 1, 0.0, 4),
        ([1.0, 0.9, 0.89, 0.7, 0.6], 1, 0.05, 2),
    ],
)
def test_early_stopping_ends_the_run_when_wer_does_not_fall(
    wers, patience, min_delta, epochs, tiny_weights, tiny_corpus, tmp_path, monkeypatch
):
    script_wers(wers, monkeypatch)
    stopping = {"patience_epochs": patience, "min_delta": min_delta}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, epochs=4, batch_size=4, stopping=stopping)
    assert adapter is not None
    assert len(step_metrics(run)) == epochs


def test_run_killed_after_early_stopping_trains_no_further_when_resumed(
    tiny_weights, tiny_corpus, tmp_path, monkeypatch
):
    """The run is killed after the last checkpoint and before the adapter is saved."""
    script_wers([1.0, 0.9, 0.95, 0.1, 0.1, 0.1], monkeypatch)
    settings = {"epochs": 4, "batch_size": 4, "stopping": {"patience_epochs": 1}}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, **settings)
    assert adapter is not None
    expected = saved_weights(adapter)
    shutil.rmtree(adapter)
    run, resumed = train(tiny_weights, tiny_corpus, tmp_path, **settings)
    assert resumed is not None
    assert [row["step"] for row in step_metrics(run)] == [1, 2]
    assert all(torch.equal(weight, expected[name]) for name, weight in saved_weights(resumed).items())


def test_early_stopping_state_has_the_key_of_existing_checkpoints():
    (callback,) = early_stopping(TrainingConfig.model_validate({"stopping": {"patience_epochs": 1}}).stopping)
    assert callback.state_key == "RememberedStop{'monitor': 'wer', 'mode': 'min'}"


def test_full_disk_while_saving_epoch_weights_is_logged_and_ignored(
    tiny_weights, tiny_corpus, tmp_path, monkeypatch, caplog
):
    def save_file(*_) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(weight_selection, "save_file", save_file)
    script_wers([1.0, 0.5], monkeypatch)
    settings = {"epochs": 1, "batch_size": 4, "result": {"keep": "best"}}
    _, adapter = train(tiny_weights, tiny_corpus, tmp_path, **settings)
    assert adapter is not None
    assert "could not be saved" in caplog.text


@pytest.mark.parametrize("keep", ["best", "average"])
def test_missing_or_damaged_epoch_weights_are_logged_and_ignored(keep, tmp_path, caplog):
    selection, module = WeightSelection(tmp_path, ResultOptions(keep=keep)), torch.nn.Linear(3, 2)
    before = module.weight.detach().clone()
    names = [BEST_WEIGHTS_FILE] if keep == "best" else [EPOCH_WEIGHTS_FILE.format(epoch) for epoch in (1, 2)]
    for name in names:
        write_weights(torch.nn.Linear(3, 2), tmp_path / name, 0.5)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-5])
    selection.load_selected(module)
    assert torch.equal(module.weight, before)
    assert caplog.text.count("missing or damaged") == len(names)


@pytest.mark.parametrize("keep_epochs", [True, False])
def test_average_is_that_of_the_last_epochs_also_where_all_are_kept(keep_epochs, tmp_path):
    module = torch.nn.Linear(3, 2)
    selection = WeightSelection(tmp_path, ResultOptions(keep="average", averaged_epochs=2), keep_epochs)
    for epoch in (1, 2, 3):
        module.weight.data.fill_(epoch)
        selection._save(module, epoch, 0.5, "WER")
    selection.load_selected(module)
    assert torch.equal(module.weight, torch.full((2, 3), 2.5))
    selection.delete_epoch_files()
    assert len(list(tmp_path.glob("epoch-*"))) == (3 if keep_epochs else 0)


def test_damaged_best_weights_are_replaced_by_the_next_best(tmp_path, caplog):
    """A power cut may leave an incomplete file; a later epoch must still be saved."""
    path = tmp_path / BEST_WEIGHTS_FILE
    write_weights(torch.nn.Linear(3, 2), path, 0.5)
    path.write_bytes(path.read_bytes()[:-5])
    assert best_rate(tmp_path) == float("inf")
    assert "best.safetensors is damaged" in caplog.text


def trainable_weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}


def test_keep_best_saves_the_weights_of_the_epoch_with_the_lowest_wer(tiny_weights, tiny_corpus, tmp_path, monkeypatch):
    script_wers([1.0, 0.5, 0.2, 0.4], monkeypatch)
    by_validation: list[dict[str, torch.Tensor]] = []  # the first is before the first epoch
    original_on_validation_end = WeightSelection.on_validation_end

    def on_validation_end(self, trainer, module) -> None:
        original_on_validation_end(self, trainer, module)
        by_validation.append(trainable_weights(module))

    monkeypatch.setattr(WeightSelection, "on_validation_end", on_validation_end)
    settings = {"epochs": 3, "batch_size": 4, "result": {"keep": "best"}, "trained": {"adapter": "none"}}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, **settings)
    assert adapter is not None
    assert best_rate(run.checkpoints) == pytest.approx(0.2)
    best, saved = by_validation[2], saved_weights(adapter)
    assert all(torch.equal(saved[name], best["model." + name].half()) for name in saved)
    assert (run.checkpoints / BEST_WEIGHTS_FILE).exists()


def test_language_without_spaces_is_stopped_and_kept_by_characters(tiny_weights, tiny_corpus, tmp_path, monkeypatch):
    """Every sentence has a wrong sign, so that the WER stays at 100 % while the CER falls."""
    references = ["今天下午三点我们在图书馆见面讨论新的计划"]
    predictions = iter(["", "今天下午", "今天下午三点我们", "今天下午三点我们在图书馆见面", "今天下午三点我们在图书馆"])
    counts = [count_errors(references, [text], ["zh"]) for text in predictions]
    remaining = iter(counts)
    monkeypatch.setattr(lightning_module, "count_errors", lambda *_: next(remaining))
    settings = {"epochs": 4, "batch_size": 4, "stopping": {"patience_epochs": 1}, "result": {"keep": "best"}}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, trained={"adapter": "none"}, **settings)
    assert adapter is not None
    rows = [row for row in run.metrics() if row["kind"] == "epoch"]
    assert [row["measure"] for row in rows] == ["CER"] * 5
    assert [row["wer"] for row in rows] == [1.0] * 5
    assert {(row["utterances"], row["normaliser"]) for row in rows} == {(4, "basic-2")}
    assert len({row["examples"] for row in rows}) == 1
    assert best_rate(run.checkpoints, "CER") == pytest.approx(counts[3].cer)
    assert best_rate(run.checkpoints, "WER") == float("inf")
    best = best_validation(run.metrics())
    assert best is not None
    assert best.epoch == 3


def test_keep_average_uses_no_epoch_before_the_last_ones(tiny_weights, tiny_corpus, tmp_path, monkeypatch):
    """Epoch 3 cannot save its weights (full disk), so epoch 4 must delete those of epochs 1 and 2."""
    by_epoch = []

    def write(module, path, rate, measure) -> None:
        by_epoch.append(trainable_weights(module))
        if len(by_epoch) == 3:
            raise OSError(28, "No space left on device")
        write_weights(module, path, rate, measure)

    monkeypatch.setattr(weight_selection, "write_weights", write)
    settings = {"epochs": 4, "batch_size": 4, "result": {"keep": "average", "averaged_epochs": 2}}
    _, adapter = train(tiny_weights, tiny_corpus, tmp_path, trained={"adapter": "none"}, **settings)
    assert adapter is not None
    saved = saved_weights(adapter)
    assert all(torch.equal(saved[name], by_epoch[3]["model." + name].half()) for name in saved)


def test_accumulated_gradient_is_the_mean_of_its_batches_also_in_an_epochs_last_step(
    tiny_weights, tiny_corpus, tmp_path
):
    """With four batches and three in a step, the second step has one batch alone."""
    single = step_gradients(tiny_weights, tiny_corpus, tmp_path / "single", accumulate=1)
    accumulated = step_gradients(tiny_weights, tiny_corpus, tmp_path / "accumulated", accumulate=3)
    assert len(single) == 4
    assert len(accumulated) == 2
    assert torch.allclose(accumulated[0], torch.stack(single[:3]).mean(0), atol=1e-6)
    assert torch.allclose(accumulated[1], single[3], atol=1e-6)


def step_gradients(weights: Path, corpus: Corpus, runs: Path, accumulate: int) -> list[torch.Tensor]:
    """Gradients of each step, at a learning rate so low that the weights do not change."""
    gradients = []

    def record(self, trainer, module, optimizer) -> None:
        gradients.append(torch.cat([p.grad.flatten() for p in module.parameters() if p.requires_grad]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunRecorder, "on_before_optimizer_step", record, raising=False)
        settings = {"gradient_clip": 0, "learning_rate": 1e-20, "lora": {"dropout": 0}, "epochs": 1, "batch_size": 1}
        train(weights, corpus, runs, optimizer={"accumulate": accumulate}, trained={"adapter": "none"}, **settings)
    return gradients


def test_mean_weights_is_the_mean_over_epochs(tmp_path):
    modules = [torch.nn.Linear(3, 2) for _ in range(3)]
    for i, module in enumerate(modules):
        write_weights(module, tmp_path / EPOCH_WEIGHTS_FILE.format(i), 0.5)
    mean = mean_weights(load_file(tmp_path / EPOCH_WEIGHTS_FILE.format(i)) for i in range(3))
    assert torch.allclose(mean["weight"], torch.stack([module.weight for module in modules]).mean(0))


def test_config_file_of_an_early_version_loads_with_defaults(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("method: finetune\nbase: base\nepochs: 4\nlora:\n  rank: 32\n  alpha: 64\n  dropout: 0.05\n")
    config = load_config(path)
    assert config == TrainingConfig(base="base")
    save_config(config, path)
    assert load_config(path) == config
