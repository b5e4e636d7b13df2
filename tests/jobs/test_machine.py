"""Processes of a run: data-loading workers, ranks, strategies, and the checks of this machine."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ctranslate2
import pytest
from pytorch_lightning.strategies import DDPStrategy, DeepSpeedStrategy, FSDPStrategy
from safetensors.torch import load_file

from qal.corpus.manifest import Origin, write_corpus
from qal.errors import OptionError
from qal.evaluation.report import RunReport
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs.machine import check_machine, launcher_command
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.training.loop.distributed import make_strategy
from tests.training.test_resume import kill_after
from tests.training.tiny_run import assert_same_training, killed, step_metrics, tiny_fit, validations

ROOT = Path(__file__).parent.parent.parent
NO_GPU = pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")


def test_order_and_augmentation_do_not_depend_on_workers_even_after_resume(tiny_weights, module_corpus, tmp_path):
    """After a resume, Lightning starts the workers before it sets the epoch."""
    settings: dict[str, Any] = {"augmentation": {"waveform": 1.0}, "checkpoints": {"every_steps": 1}}
    without_workers = tiny_fit(tmp_path / "without", tiny_weights, module_corpus, machine={"workers": 0}, **settings)
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 7)
        tiny_fit(tmp_path / "with", tiny_weights, module_corpus, machine={"workers": 2}, **settings)
    with_workers = tiny_fit(tmp_path / "with", tiny_weights, module_corpus, machine={"workers": 2}, **settings)
    assert_same_training(with_workers, without_workers)
    for run in (without_workers, with_workers):
        assert all(0 <= row["data_wait_fraction"] <= 1 for row in step_metrics(run))


@pytest.mark.long
def test_two_ranks_train_the_same_model_as_one_process_and_only_rank_0_writes(tiny_weights, tiny_corpus, tmp_path):
    """Real processes over gloo, started by the command. With equal texts each rank has as many tokens, so that the
    weights and the validation equal those of a single process with the same examples per step."""
    same_text = [row.model_copy(update={"text": "one"}) for row in tiny_corpus.rows]
    corpus = write_corpus(tiny_corpus.folder, Origin(name="tones"), same_text)
    model = to_ctranslate2(tiny_weights, tmp_path / "ctranslate2")
    options = ["--base", str(model), "--corpus", str(corpus.folder), "--runs", str(tmp_path / "runs")]
    options += ["--name", "r", "--epochs", "2", "--batch_size", "1", "--precision", "32-true", "--device", "cpu"]
    options += ["--check_utterances", "1", "--report_utterances", "1", "--result.gate", "off"]
    options += ["--machine.devices", "2", "--json"]
    options += ["--context.full_share", "1", "--augmentation.preset", "off", "--lora.dropout", "0"]
    command = [sys.executable, str(ROOT / "train_whisper_lightning.py"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    assert run.status().state == "finished"
    assert RunReport.model_validate_json(done.stdout.splitlines()[-1]) == run.report()
    assert [row["step"] for row in step_metrics(run)] == [1, 2, 3, 4]  # two examples per step, two epochs
    without_randomness = {"context": {"full_share": 1}, "augmentation": {"preset": "off"}, "lora": {"dropout": 0}}
    single = tiny_fit(
        tmp_path / "single", tiny_weights, corpus, batch_size=2, validation_utterances=4, **without_randomness
    )
    assert validations(run)[0][:2] == validations(single)[0][:2]  # before training, of the same base weights
    assert validations(run)[0][2] == pytest.approx(validations(single)[0][2], rel=1e-5)
    by_two_ranks, by_one_process = (load_file(r.adapter / "adapter_model.safetensors") for r in (run, single))
    for name, weights in by_one_process.items():
        assert (by_two_ranks[name] - weights).abs().mean() < 0.05 * weights.abs().mean()


@pytest.mark.parametrize("strategy", ["deepspeed_2", "deepspeed_3", "fsdp"])
@NO_GPU
def test_cuda_strategy_without_a_cuda_device_is_an_error(strategy):
    config = TrainingConfig.model_validate({"machine": {"strategy": strategy}})
    with pytest.raises(OptionError, match=f"{strategy} runs on CUDA devices only"):
        check_machine(config)


@pytest.mark.parametrize(
    ("base", "sentence"),
    [("int8", "needs a CUDA device and bitsandbytes"), ("float16", "float16 needs a CUDA device")],
)
@NO_GPU
def test_base_precision_that_the_device_does_not_support_is_an_error(base, sentence):
    with pytest.raises(OptionError, match=sentence):
        check_machine(TrainingConfig.model_validate({"trained": {"base_precision": base}}))


@pytest.mark.parametrize(
    ("strategy", "kind"), [("ddp", DDPStrategy), ("deepspeed_2", DeepSpeedStrategy), ("fsdp", FSDPStrategy)]
)
def test_strategy_option_gives_the_strategy_of_lightning(strategy, kind):
    assert isinstance(make_strategy(TrainingConfig.model_validate({"machine": {"strategy": strategy}}), 2), kind)


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_strategy_has_the_stage_of_the_option(stage):
    config = TrainingConfig.model_validate({"machine": {"strategy": f"deepspeed_{stage}"}})
    strategy = make_strategy(config, 2)
    assert isinstance(strategy, DeepSpeedStrategy)
    assert isinstance(strategy.config, dict)
    assert strategy.config["zero_optimization"]["stage"] == stage


def test_single_device_needs_no_strategy_and_no_launcher():
    assert make_strategy(TrainingConfig(), 1) == "auto"
    assert launcher_command(TrainingConfig(), []) is None


@pytest.mark.parametrize(
    ("options", "environment", "sentence"),
    [
        ({"machine": {"nodes": 2}}, {}, "several nodes need a launcher"),
        ({"machine": {"devices": 2}}, {"WORLD_SIZE": "4"}, "4 processes were started, but .* is 2"),
        ({}, {"WORLD_SIZE": "abc"}, "is 'abc', which is not a number"),
        ({"device": "mps"}, {}, "only on Apple's machines"),
    ],
)
def test_processes_that_do_not_fit_the_options_are_an_error(options, environment, sentence, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match=sentence):
        check_machine(TrainingConfig.model_validate(options))
