"""Processes: workers that load, ranks that train together, and strategies that this machine cannot run."""

import json
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
from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs.machine import check_machine, launcher_command
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.training.loop.distributed import make_strategy
from tests.training.test_resume import kill_after
from tests.training.tiny_run import assert_same_training, killed, steps, tiny_fit, validations

ROOT = Path(__file__).parent.parent.parent
NO_GPU = pytest.mark.skipif(ctranslate2.get_cuda_device_count() > 0, reason="there is a GPU")


def test_order_and_draws_do_not_depend_on_workers(tiny_weights, module_corpus, tmp_path):
    """Nor after a resume, where Lightning lets the workers begin before it names the epoch."""
    more: dict[str, Any] = {"augmentation": {"waveform": 1.0}, "checkpoints": {"every_steps": 1}}
    alone = tiny_fit(tmp_path / "alone", tiny_weights, module_corpus, machine={"workers": 0}, **more)
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 7)
        tiny_fit(tmp_path / "loaded", tiny_weights, module_corpus, machine={"workers": 2}, **more)
    loaded = tiny_fit(tmp_path / "loaded", tiny_weights, module_corpus, machine={"workers": 2}, **more)
    assert_same_training(loaded, alone)
    for run in (alone, loaded):
        assert all(0 <= row["data_wait_fraction"] <= 1 for row in steps(run))


def test_two_ranks_train_one_model_and_one_of_them_writes(tiny_weights, tiny_corpus, tmp_path):
    """Real processes over gloo, started by the command itself: what they learn, and their validation, is what a
    single process does of the same rows at once, where each rank's mean is of as many tokens."""
    same_text = [row.model_copy(update={"text": "one"}) for row in tiny_corpus.rows]
    tiny_corpus = write_corpus(tiny_corpus.folder, Origin(name="tones"), same_text)
    model = to_ctranslate2(tiny_weights, tmp_path / "ctranslate2")
    options = ["--base", str(model), "--corpus", str(tiny_corpus.folder), "--runs", str(tmp_path / "runs")]
    options += ["--name", "r", "--epochs", "2", "--batch_size", "1", "--precision", "32-true", "--device", "cpu"]
    options += ["--check_utterances", "1", "--report_utterances", "1", "--machine.devices", "2", "--json"]
    options += ["--context.full_share", "1", "--augmentation.preset", "off", "--lora.dropout", "0"]
    command = [sys.executable, str(ROOT / "train_whisper_lightning.py"), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    run = Run(tmp_path / "runs" / "r")
    assert run.status().state == "finished"
    assert json.loads(done.stdout.splitlines()[-1]) == run.report()
    assert [row["step"] for row in steps(run)] == [1, 2, 3, 4]  # four rows, two at a time, twice; each step once
    plain = {"context": {"full_share": 1}, "augmentation": {"preset": "off"}, "lora": {"dropout": 0}}
    alone = tiny_fit(tmp_path / "alone", tiny_weights, tiny_corpus, batch_size=2, validation_utterances=4, **plain)
    assert validations(run)[0][:2] == validations(alone)[0][:2]  # of the same stock weights
    assert validations(run)[0][2] == pytest.approx(validations(alone)[0][2], rel=1e-5)
    both, one = (load_file(r.checkpoints / "adapter" / "adapter_model.safetensors") for r in (run, alone))
    assert all((both[name] - one[name]).abs().mean() < 0.05 * one[name].abs().mean() for name in one)


@pytest.mark.parametrize("strategy", ["deepspeed_2", "deepspeed_3", "fsdp"])
@NO_GPU
def test_a_strategy_that_cannot_run_here_is_one_sentence(strategy):
    config = TrainingConfig.model_validate({"machine": {"strategy": strategy}})
    with pytest.raises(OptionError, match=f"{strategy} runs on CUDA devices only"):
        check_machine(config)


@pytest.mark.parametrize(
    ("base", "sentence"),
    [("int8", "needs a CUDA device and bitsandbytes"), ("float16", "float16 needs a CUDA device")],
)
@NO_GPU
def test_a_base_that_this_device_cannot_hold_is_told_before_anything_is_written(base, sentence):
    with pytest.raises(OptionError, match=sentence):
        check_machine(TrainingConfig.model_validate({"trained": {"base_precision": base}}))


@pytest.mark.parametrize(
    ("strategy", "kind"), [("ddp", DDPStrategy), ("deepspeed_2", DeepSpeedStrategy), ("fsdp", FSDPStrategy)]
)
def test_a_line_of_the_config_is_a_strategy_of_lightning(strategy, kind):
    assert isinstance(make_strategy(TrainingConfig.model_validate({"machine": {"strategy": strategy}}), 2), kind)


@pytest.mark.parametrize("stage", [2, 3])
def test_deepspeed_shards_what_its_stage_says(stage):
    config = TrainingConfig.model_validate({"machine": {"strategy": f"deepspeed_{stage}"}})
    strategy = make_strategy(config, 2)
    assert isinstance(strategy, DeepSpeedStrategy)
    assert isinstance(strategy.config, dict)
    assert strategy.config["zero_optimization"]["stage"] == stage


def test_one_device_needs_no_strategy_and_no_launcher():
    assert make_strategy(TrainingConfig(), 1) == "auto"
    assert launcher_command(TrainingConfig(), []) is None


@pytest.mark.parametrize(
    ("options", "environment", "sentence"),
    [
        ({"machine": {"nodes": 2}}, {}, "several nodes need a launcher"),
        ({"machine": {"devices": 2}}, {"WORLD_SIZE": "4"}, "4 processes were started, but .* is 2"),
        ({}, {"WORLD_SIZE": "abc"}, "is 'abc', which is no number"),
        ({"device": "mps"}, {}, "Apple's machines only"),
    ],
)
def test_what_cannot_be_spread_is_one_sentence(options, environment, sentence, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match=sentence):
        check_machine(TrainingConfig.model_validate(options))
