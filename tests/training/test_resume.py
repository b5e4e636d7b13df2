"""A run that was interrupted anywhere and resumed equals an uninterrupted run to the bit."""

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
from qal.training.loop.checkpoints import LAST_CHECKPOINT, PREVIOUS_CHECKPOINT, Checkpoints
from qal.training.model.lightning_module import SpeechModule
from tests.training.tiny_run import (
    TOTAL_STEPS,
    assert_same_training,
    kill_after,
    killed,
    losses,
    step_metrics,
    stop_after,
    tiny_fit,
)

OPTIONS = CheckpointOptions()
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def uninterrupted(tiny_weights, module_corpus, tmp_path_factory) -> Run:
    return tiny_fit(tmp_path_factory.mktemp("uninterrupted"), tiny_weights, module_corpus)


@pytest.fixture(scope="module")
def killed_run_folder(tiny_weights, module_corpus, tmp_path_factory) -> Path:
    """Folder of a run that was killed in step 5; its checkpoints are those of steps 4 and 2."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 5)
        tiny_fit(folder, tiny_weights, module_corpus)
    return folder / "r"


@pytest.mark.parametrize("step", [1, 4, 7, TOTAL_STEPS])
def test_killed_run_resumes_bit_identically(step, uninterrupted, tiny_weights, module_corpus, tmp_path):
    """The kills are before the first checkpoint, in an epoch's last step, between two checkpoints, and in the end."""
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, step)
        tiny_fit(tmp_path, tiny_weights, module_corpus)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert_same_training(run, uninterrupted)
    repeated = [row["step"] for row in step_metrics(run) if row["attempt"] == 2]
    assert repeated[0] == (step - 1) // 2 * 2 + 1  # from the last checkpoint before the kill


@pytest.mark.parametrize("step", [3, 4])
def test_stopped_run_resumes_bit_identically(step, uninterrupted, tiny_weights, module_corpus, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, step)
        run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert losses(run)[-1][0] == step
    assert_same_training(tiny_fit(tmp_path, tiny_weights, module_corpus), uninterrupted)


def test_run_killed_by_sigkill_resumes_bit_identically(uninterrupted, tiny_weights, module_corpus, tmp_path):
    """The run is a process of its own and receives SIGKILL between two checkpoints."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.training.tiny_run import tiny_fit\n"
        "from qal.corpus.manifest import read_corpus\n"
        "from qal.jobs.run import Run\n"
        "original_append = Run.append_metrics\n"
        "def append(self, row):\n"
        "    original_append(self, row)\n"
        "    if row['step'] == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Run.append_metrics = append\n"
        "tiny_fit(*map(Path, sys.argv[1:3]), read_corpus(Path(sys.argv[3])))\n"
    )
    arguments = [str(tmp_path), str(tiny_weights), str(module_corpus.folder)]
    process = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == -9, process.stderr
    run = Run(tmp_path / "r")
    assert run.status().state == "interrupted"
    assert losses(run)[-1][0] == 5
    assert_same_training(tiny_fit(tmp_path, tiny_weights, module_corpus), uninterrupted)


def nan_loss_at(patch: pytest.MonkeyPatch, step: int) -> None:
    original_loss = SpeechModule.loss

    def loss(self, batch):
        is_step = self.training and self.trainer.global_step == step - 1
        return original_loss(self, batch) * (float("nan") if is_step else 1)

    patch.setattr(SpeechModule, "loss", loss)


def test_run_resumed_after_a_skipped_step_equals_the_uninterrupted_run(
    tiny_weights, module_corpus, tmp_path, monkeypatch
):
    nan_loss_at(monkeypatch, 3)
    uninterrupted = tiny_fit(tmp_path / "uninterrupted", tiny_weights, module_corpus)
    assert [row["step"] for row in step_metrics(uninterrupted) if row.get("skipped")] == [3]
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 5)
        tiny_fit(tmp_path / "killed", tiny_weights, module_corpus)
    run = tiny_fit(tmp_path / "killed", tiny_weights, module_corpus)
    assert_same_training(run, uninterrupted)
    assert run.status().skipped_steps == 1


def test_run_resumed_after_a_skipped_file_equals_the_uninterrupted_run(tiny_weights, tiny_corpus, tmp_path):
    tiny_corpus.audio_path(tiny_corpus.select("train")[1]).write_bytes(b"not audio")
    settings = {"faults": {"bad_rows_share": 0.5}, "batch_size": 2, "checkpoints": {"every_steps": 1}}
    uninterrupted = tiny_fit(tmp_path / "uninterrupted", tiny_weights, tiny_corpus, **settings)
    with pytest.MonkeyPatch.context() as patch, killed():
        kill_after(patch, 3)
        tiny_fit(tmp_path / "killed", tiny_weights, tiny_corpus, **settings)
    run = tiny_fit(tmp_path / "killed", tiny_weights, tiny_corpus, **settings)
    assert_same_training(run, uninterrupted)
    assert run.skipped_file.read_text().count("\n") == 1  # listed once, over both epochs and both attempts
    assert run.status().skipped_rows == 1


def test_changed_bytes_of_a_checkpoint_are_read_unchanged_or_raise_training_error(killed_run_folder, tmp_path):
    content = (killed_run_folder / "checkpoints" / LAST_CHECKPOINT).read_bytes()
    checkpoints, rng = Checkpoints(tmp_path, OPTIONS, {}), np.random.default_rng(0)
    positions = [*rng.integers(0, len(content), 40), *rng.integers(len(content) - 3000, len(content), 160)]
    for position in positions:
        damaged = bytearray(content)
        damaged[position] ^= 1 << int(rng.integers(8))
        (tmp_path / LAST_CHECKPOINT).write_bytes(damaged)
        with suppress(TrainingError):
            checkpoints.read(tmp_path / LAST_CHECKPOINT)


@pytest.mark.parametrize("damage", ["truncated", "of another run", "one bit"])
def test_damaged_checkpoint_is_replaced_by_the_previous_one(
    damage, uninterrupted, killed_run_folder, tiny_weights, module_corpus, tmp_path
):
    last = shutil.copytree(killed_run_folder, tmp_path / "r") / "checkpoints" / LAST_CHECKPOINT
    content = bytearray(last.read_bytes())
    if damage == "truncated":
        last.write_bytes(content[: len(content) // 2])
    elif damage == "of another run":
        state = torch.load(last, weights_only=True)
        torch.save({**state, "state_dict": {f"other.{n}": w for n, w in state["state_dict"].items()}}, last)
    else:
        content[len(content) // 2] ^= 1
        last.write_bytes(content)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert_same_training(run, uninterrupted)
    assert next(row["step"] for row in step_metrics(run) if row["attempt"] == 2) == 3


def test_run_without_a_valid_checkpoint_asks_to_delete_the_folder(
    killed_run_folder, tiny_weights, module_corpus, tmp_path
):
    shutil.copytree(killed_run_folder, tmp_path / "r")
    for name in (LAST_CHECKPOINT, PREVIOUS_CHECKPOINT):
        (tmp_path / "r" / "checkpoints" / name).write_bytes(b"")
    with pytest.raises(TrainingError, match="delete this folder to train from the start"):
        tiny_fit(tmp_path, tiny_weights, module_corpus)
