"""A run of any method that was stopped goes on to the same weights; which epoch's weights it ends with is a choice."""

import functools
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from qal.corpus.manifest import Corpus
from qal.jobs.options.learning import ResultOptions
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config, save_config
from qal.jobs.run import Run, create_run
from qal.training.loop import fit as fitting
from qal.training.loop import weight_selection as kept_weights
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.weight_selection import BEST, WeightKeeper, best_wer, mean_weights, write_weights
from qal.training.model import lightning_module as validating
from qal.training.model.lightning_module import SpeechModule
from qal.training.model.short_context import greedy

QUIET = {"waveform": 0, "time_masks": 0, "frequency_masks": 0}
METHODS: dict[str, dict] = {
    "lora, accumulated": {"batch_size": 1, "optimizer": {"accumulate": 3}, "lora": {"rank": 4}},
    "adalora, layers dropped": {
        "trained": {"adapter": "adalora"},
        "lora": {"rank": 2},
        "adalora": {"start_rank": 4},
        "optimizer": {"encoder_layer_drop": 0.3, "decoder_layer_drop": 0.3, "schedule": "cosine"},
    },
    "decoder, recomputed": {
        "trained": {"adapter": "none", "part": "decoder"},
        "optimizer": {"decayed": "matrices", "label_smoothing": 0.1, "decoder_layer_drop": 0.3, "schedule": "linear"},
        "compute": {"recompute": True},
        "result": {"keep": "average", "averaged_epochs": 2},
    },
}


@pytest.fixture(autouse=True)
def short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights would babble to the limit after every epoch."""
    monkeypatch.setattr(validating, "greedy", functools.partial(greedy, max_tokens=4))


def train(weights: Path, corpus: Corpus, runs: Path, name: str = "r", **values) -> tuple[Run, Path | None]:
    """Trains in this process, as the script would; again in the same folder goes on."""
    base = {"batch_size": 2, "epochs": 2, "precision": "32-true", "device": "cpu", "augmentation": QUIET}
    config = TrainingConfig.model_validate({**base, **values})
    run = Run(runs / name) if (runs / name).exists() else create_run(config, runs, name)
    run.stop_file.unlink(missing_ok=True)
    return run, fitting.fit(run, config, weights, [corpus], 1, lambda stage: lambda done, of: None)


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    appended = RunRecorder._append

    def append(self: RunRecorder, trainer, kind: str, **figures) -> None:
        appended(self, trainer, kind, **figures)
        if kind == "step" and trainer.global_step == step:
            self.run.request_stop()

    monkeypatch.setattr(RunRecorder, "_append", append)


def trained_weights(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_run_of_any_method_goes_on_to_the_same_weights(
    method, tiny_weights, tiny_corpus, tmp_path, monkeypatch
):
    whole_run, whole = train(tiny_weights, tiny_corpus, tmp_path / "whole", **METHODS[method])
    with monkeypatch.context() as patch:
        stop_at(3, patch)
        _, stopped = train(tiny_weights, tiny_corpus, tmp_path / "cut", **METHODS[method])
    assert stopped is None
    run, resumed = train(tiny_weights, tiny_corpus, tmp_path / "cut", **METHODS[method])
    assert whole is not None
    assert resumed is not None
    expected, found = trained_weights(whole), trained_weights(resumed)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[n], found[n]) for n in expected)
    rows = [[r for r in found.metrics() if r["kind"] == "step"] for found in (run, whole_run)]
    assert [r["step"] for r in rows[0]] == [1, 2, 3, 4]
    assert [r["loss"] for r in rows[0]] == [r["loss"] for r in rows[1]]
    assert not list(run.checkpoints.glob("epoch-*"))


def test_a_checkpoint_holds_only_what_is_trained(tiny_weights, tiny_corpus, tmp_path):
    run, _ = train(tiny_weights, tiny_corpus, tmp_path, epochs=1, trained={"adapter": "none", "part": "decoder"})
    state = torch.load(run.checkpoints / "last.ckpt", weights_only=True)["state_dict"]
    assert state
    assert all(name.startswith("model.model.decoder.") for name in state)


def scripted_wers(wers: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation says these rates, the first of them in front of the first epoch."""
    said = iter(wers)
    monkeypatch.setattr(SpeechModule, "on_validation_epoch_end", lambda self: self.log("wer", next(said)))


@pytest.mark.parametrize(
    ("wers", "patience", "min_delta", "epochs"),
    [
        ([1.0, 0.9, 0.9, 0.9, 0.1], 2, 0.0, 3),
        ([1.0, 0.9, 0.8, 0.7, 0.6], 1, 0.0, 4),
        ([1.0, 0.9, 0.89, 0.7, 0.6], 1, 0.05, 2),
    ],
)
def test_a_run_stops_when_its_wer_no_longer_falls(
    wers, patience, min_delta, epochs, tiny_weights, tiny_corpus, tmp_path, monkeypatch
):
    scripted_wers(wers, monkeypatch)
    stopping = {"patience_epochs": patience, "min_delta": min_delta}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, epochs=4, batch_size=4, stopping=stopping)
    assert adapter is not None
    assert len([r for r in run.metrics() if r["kind"] == "step"]) == epochs


def test_a_run_that_had_decided_to_stop_and_was_killed_trains_no_further(
    tiny_weights, tiny_corpus, tmp_path, monkeypatch
):
    """Killed after the last checkpoint, before the adapter was saved."""
    scripted_wers([1.0, 0.9, 0.95, 0.1, 0.1, 0.1], monkeypatch)
    values = {"epochs": 4, "batch_size": 4, "stopping": {"patience_epochs": 1}}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, **values)
    assert adapter is not None
    expected = trained_weights(adapter)
    shutil.rmtree(adapter)
    run, again = train(tiny_weights, tiny_corpus, tmp_path, **values)
    assert again is not None
    assert [r["step"] for r in run.metrics() if r["kind"] == "step"] == [1, 2]
    assert all(torch.equal(weight, expected[name]) for name, weight in trained_weights(again).items())


def test_weights_that_find_no_room_cost_the_run_nothing(tiny_weights, tiny_corpus, tmp_path, monkeypatch, caplog):
    def full(*_) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(kept_weights, "save_file", full)
    scripted_wers([1.0, 0.5], monkeypatch)
    values = {"epochs": 1, "batch_size": 4, "result": {"keep": "best"}}
    _, adapter = train(tiny_weights, tiny_corpus, tmp_path, **values)
    assert adapter is not None
    assert "could not be kept" in caplog.text


@pytest.mark.parametrize("keep", ["best", "average"])
def test_kept_weights_that_are_lost_or_damaged_are_told_and_done_without(keep, tmp_path, caplog):
    keeper, module = WeightKeeper(tmp_path, ResultOptions(keep=keep)), torch.nn.Linear(3, 2)
    before = module.weight.detach().clone()
    names = [BEST] if keep == "best" else ["epoch-1.safetensors", "epoch-2.safetensors"]
    for name in names:
        write_weights(torch.nn.Linear(3, 2), tmp_path / name, 0.5)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-5])
    keeper.settle(module)
    assert torch.equal(module.weight, before)
    assert caplog.text.count("missing or damaged") == len(names)


def test_the_best_epochs_weights_become_the_model(tiny_weights, tiny_corpus, tmp_path, monkeypatch):
    scripted_wers([1.0, 0.5, 0.2, 0.4], monkeypatch)
    kept: list[dict[str, torch.Tensor]] = []
    written = WeightKeeper.on_validation_end

    def watch(self, trainer, module) -> None:
        written(self, trainer, module)
        kept.append({n: p.detach().clone() for n, p in module.named_parameters() if p.requires_grad})

    monkeypatch.setattr(WeightKeeper, "on_validation_end", watch)
    values = {"epochs": 3, "batch_size": 4, "result": {"keep": "best"}, "trained": {"adapter": "none"}}
    run, adapter = train(tiny_weights, tiny_corpus, tmp_path, **values)
    assert adapter is not None
    assert best_wer(run.checkpoints) == pytest.approx(0.2)
    best, found = kept[2], trained_weights(adapter)  # kept[0] is in front of the first epoch
    assert all(torch.equal(found[n], best["model." + n].half()) for n in found)
    assert (run.checkpoints / BEST).exists()


def test_a_run_ends_with_the_mean_of_its_last_epochs_alone(tiny_weights, tiny_corpus, tmp_path, monkeypatch):
    """Epoch 3 finds no room for its weights, so that epoch 4 must drop what is too old by then: 1 and 2."""
    written, kept = kept_weights.write_weights, []

    def write(module, path, wer) -> None:
        kept.append({n: p.detach().clone() for n, p in module.named_parameters() if p.requires_grad})
        if len(kept) == 3:
            raise OSError(28, "No space left on device")
        written(module, path, wer)

    monkeypatch.setattr(kept_weights, "write_weights", write)
    values = {"epochs": 4, "batch_size": 4, "result": {"keep": "average", "averaged_epochs": 2}}
    _, adapter = train(tiny_weights, tiny_corpus, tmp_path, trained={"adapter": "none"}, **values)
    assert adapter is not None
    found = trained_weights(adapter)
    assert all(torch.equal(found[n], kept[3]["model." + n].half()) for n in found)


def test_batches_that_are_added_up_count_alike_and_so_do_fewer_at_an_epochs_end(tiny_weights, tiny_corpus, tmp_path):
    """Four batches, three a step: the first step has the mean of three gradients, the second one's alone."""
    single = gradients(tiny_weights, tiny_corpus, tmp_path / "single", accumulate=1)
    added = gradients(tiny_weights, tiny_corpus, tmp_path / "added", accumulate=3)
    assert len(single) == 4
    assert len(added) == 2
    assert torch.allclose(added[0], torch.stack(single[:3]).mean(0), atol=1e-6)
    assert torch.allclose(added[1], single[3], atol=1e-6)


def gradients(weights: Path, corpus: Corpus, runs: Path, accumulate: int) -> list[torch.Tensor]:
    """Those of each step, at a rate so low that the weights stay what they were."""
    found = []

    def watch(self, trainer, module, optimizer) -> None:
        found.append(torch.cat([p.grad.flatten() for p in module.parameters() if p.requires_grad]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunRecorder, "on_before_optimizer_step", watch, raising=False)
        plain = {"gradient_clip": 0, "learning_rate": 1e-20, "lora": {"dropout": 0}, "epochs": 1, "batch_size": 1}
        train(weights, corpus, runs, optimizer={"accumulate": accumulate}, trained={"adapter": "none"}, **plain)
    return found


def test_the_average_is_the_mean_of_the_last_epochs(tmp_path):
    modules = [torch.nn.Linear(3, 2) for _ in range(3)]
    for i, module in enumerate(modules):
        write_weights(module, tmp_path / f"epoch-{i}.safetensors", 0.5)
    mean = mean_weights(load_file(tmp_path / f"epoch-{i}.safetensors") for i in range(3))
    assert torch.allclose(mean["weight"], torch.stack([m.weight for m in modules]).mean(0))


def test_a_config_of_before_these_options_still_loads_to_what_it_was(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("method: finetune\nbase: base\nepochs: 4\nlora:\n  rank: 32\n  alpha: 64\n  dropout: 0.05\n")
    config = load_config(path)
    assert config == TrainingConfig(base="base")
    save_config(config, path)
    assert load_config(path) == config
