"""A run that was cut off anywhere and resumed is the run that was not: to the bit."""

import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from qal.errors import TrainingError
from qal.jobs.options.running import CheckpointOptions
from qal.jobs.run import Run
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.checkpoints import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT, Checkpoints
from qal.training.model.lightning_module import SpeechModule
from tests.training.tiny_run import STEPS, Killed, assert_same_training, killed, losses, steps, tiny_fit

OPTIONS = CheckpointOptions()
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def whole(tiny_weights, module_corpus, tmp_path_factory) -> Run:
    return tiny_fit(tmp_path_factory.mktemp("whole"), tiny_weights, module_corpus)


@pytest.fixture(scope="module")
def cut(tiny_weights, module_corpus, tmp_path_factory) -> Path:
    """A run that was killed in step 5; its checkpoints are of steps 4 and 2."""
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 5)
        tiny_fit(folder, tiny_weights, module_corpus)
    return folder / "r"


def kill_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The process dies when this step is in the metrics, before anything else is written."""
    appended = RunRecorder._append

    def append(self, trainer, kind, **figures):
        appended(self, trainer, kind, **figures)
        if trainer.global_step == step and kind == "step":
            raise Killed

    monkeypatch.setattr(RunRecorder, "_append", append)


@pytest.mark.parametrize("step", [1, 4, 7, STEPS])
def test_a_killed_run_goes_on_to_the_same_bits(step, whole, tiny_weights, module_corpus, tmp_path):
    """Before the first checkpoint, in the last step of an epoch, between two, in the very last step."""
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, step)
        tiny_fit(tmp_path, tiny_weights, module_corpus)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert_same_training(run, whole)
    repeated = [row["step"] for row in steps(run) if row["attempt"] == 2]
    assert repeated[0] == (step - 1) // 2 * 2 + 1  # from the last checkpoint before the kill


@pytest.mark.parametrize("step", [3, 4])
def test_a_stopped_run_goes_on_to_the_same_bits(step, whole, tiny_weights, module_corpus, tmp_path):
    appended = RunRecorder._append

    def append(self, trainer, kind, **figures):
        appended(self, trainer, kind, **figures)
        if trainer.global_step == step and kind == "step":
            self.run.request_stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunRecorder, "_append", append)
        run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert losses(run)[-1][0] == step
    assert_same_training(tiny_fit(tmp_path, tiny_weights, module_corpus), whole)


def test_a_run_that_was_shot_goes_on_to_the_same_bits(whole, tiny_weights, module_corpus, tmp_path):
    """kill -9, in a process of its own, between two checkpoints."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.training.tiny_run import tiny_fit\n"
        "from qal.corpus.manifest import read_corpus\n"
        "from qal.jobs.run import Run\n"
        "appended = Run.append_metrics\n"
        "def append(self, row):\n"
        "    appended(self, row)\n"
        "    if row['step'] == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Run.append_metrics = append\n"
        "tiny_fit(*map(Path, sys.argv[1:3]), read_corpus(Path(sys.argv[3])))\n"
    )
    arguments = [str(tmp_path), str(tiny_weights), str(module_corpus.folder)]
    shot = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert shot.returncode == -9, shot.stderr
    run = Run(tmp_path / "r")
    assert run.status().state == "interrupted"
    assert losses(run)[-1][0] == 5
    assert_same_training(tiny_fit(tmp_path, tiny_weights, module_corpus), whole)


def nan_at(patch: pytest.MonkeyPatch, step: int) -> None:
    loss = SpeechModule.loss

    def broken(self, batch):
        training = self.training and self.trainer.global_step == step - 1
        return loss(self, batch) * (float("nan") if training else 1)

    patch.setattr(SpeechModule, "loss", broken)


def test_a_run_resumed_after_a_skipped_step_is_the_same(tiny_weights, module_corpus, tmp_path, monkeypatch):
    nan_at(monkeypatch, 3)
    unbroken = tiny_fit(tmp_path / "whole", tiny_weights, module_corpus)
    assert [row["step"] for row in steps(unbroken) if row.get("skipped")] == [3]
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 5)
        tiny_fit(tmp_path / "cut", tiny_weights, module_corpus)
    run = tiny_fit(tmp_path / "cut", tiny_weights, module_corpus)
    assert_same_training(run, unbroken)
    assert run.status().skipped_steps == 1


def test_a_run_resumed_after_a_skipped_file_is_the_same(tiny_weights, tiny_corpus, tmp_path):
    tiny_corpus.audio_path(tiny_corpus.select("train")[1]).write_bytes(b"not audio")
    more = {"faults": {"bad_rows_share": 0.5}, "batch_size": 2, "checkpoints": {"every_steps": 1}}
    unbroken = tiny_fit(tmp_path / "whole", tiny_weights, tiny_corpus, **more)
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 3)
        tiny_fit(tmp_path / "cut", tiny_weights, tiny_corpus, **more)
    run = tiny_fit(tmp_path / "cut", tiny_weights, tiny_corpus, **more)
    assert_same_training(run, unbroken)
    assert run.skipped_file.read_text().count("\n") == 1  # once, over both epochs and both attempts
    assert run.status().skipped_rows == 1


def test_no_damage_to_a_checkpoint_is_a_bug(cut, tmp_path):
    """Whatever byte has changed, it is read as it was or refused in a sentence."""
    whole, checkpoints = (cut / "checkpoints" / LAST_CHECKPOINT).read_bytes(), Checkpoints(tmp_path, OPTIONS, {})
    rng = np.random.default_rng(0)
    places = [*rng.integers(0, len(whole), 40), *rng.integers(len(whole) - 3000, len(whole), 160)]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / LAST_CHECKPOINT).write_bytes(damaged)
        with suppress(TrainingError):
            checkpoints.read(tmp_path / LAST_CHECKPOINT)


@pytest.mark.parametrize("damage", ["truncated", "foreign", "a bit"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(damage, whole, cut, tiny_weights, module_corpus, tmp_path):
    last = shutil.copytree(cut, tmp_path / "r") / "checkpoints" / LAST_CHECKPOINT
    content = bytearray(last.read_bytes())
    if damage == "truncated":
        last.write_bytes(content[: len(content) // 2])
    elif damage == "foreign":
        state = torch.load(last, weights_only=True)
        torch.save({**state, "state_dict": {f"other.{n}": w for n, w in state["state_dict"].items()}}, last)
    else:
        content[len(content) // 2] ^= 1
        last.write_bytes(content)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert_same_training(run, whole)
    assert next(row["step"] for row in steps(run) if row["attempt"] == 2) == 3


def test_when_no_checkpoint_is_whole_the_run_says_so(cut, tiny_weights, module_corpus, tmp_path):
    shutil.copytree(cut, tmp_path / "r")
    for name in (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT):
        (tmp_path / "r" / "checkpoints" / name).write_bytes(b"")
    with pytest.raises(TrainingError, match="delete this folder to train from the start"):
        tiny_fit(tmp_path, tiny_weights, module_corpus)
