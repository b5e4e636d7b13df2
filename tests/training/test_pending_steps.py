"""Metrics that are read from the device together: nothing is lost, and non-finite steps are found."""

import json

import numpy as np
import pytest
import torch

from qal.errors import TrainingError
from qal.jobs.run import Run
from qal.training.loop import callbacks, nonfinite, optimizer, pending_steps
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.pending_steps import PendingStep, PendingSteps
from qal.training.model.lightning_module import SpeechModule
from tests.training.tiny_run import TOTAL_STEPS, Killed, assert_same_training, killed, losses, step_metrics, tiny_fit


@pytest.fixture
def slow_reading(monkeypatch):
    """The values are never due, as if all steps took less than a second."""
    monkeypatch.setattr(callbacks, "read_interval_s", lambda device: 1e9)


def pending(step: int, loss: float, norm: float | None = 1.0) -> PendingStep:
    gradient_norm = None if norm is None else torch.tensor(norm)
    return PendingStep({"step": step}, (torch.tensor(loss),), gradient_norm, utterances=4, elapsed_s=0.5, waited_s=0.1)


def test_steps_are_read_in_order_with_the_speed_of_all_of_them():
    steps = PendingSteps(world_size=2)
    for step in range(3):
        steps.add(pending(step, loss=float(step)))
    rows = steps.read()
    assert [(row["step"], row["loss"], row["grad_norm"]) for row in rows] == [
        (0, 0.0, 1.0),
        (1, 1.0, 1.0),
        (2, 2.0, 1.0),
    ]
    assert all(row["utterances_per_second"] == pytest.approx(16, rel=0.1) for row in rows)
    assert all(row["data_wait_fraction"] == pytest.approx(0.2, rel=0.1) for row in rows)
    assert steps.read() == []


def test_values_that_are_not_finite_are_left_out_and_mark_a_skipped_step():
    steps = PendingSteps(world_size=1)
    steps.add(pending(1, np.nan, np.inf))
    steps.add(pending(2, 0.5, None))
    skipped, without_gradient = steps.read()
    assert skipped["skipped"] == 1
    assert not {"loss", "grad_norm"} & skipped.keys()
    assert without_gradient["loss"] == 0.5
    assert "skipped" not in without_gradient


def test_losses_that_are_read_together_equal_those_of_single_steps(tiny_weights, module_corpus, tmp_path, request):
    expected = tiny_fit(tmp_path / "each", tiny_weights, module_corpus, optimizer={"accumulate": 2})
    request.getfixturevalue("slow_reading")
    together = tiny_fit(tmp_path / "together", tiny_weights, module_corpus, optimizer={"accumulate": 2})
    assert losses(together) == losses(expected)
    assert all({"memory_mb", "disk_free_mb", "grad_norm"} <= row.keys() for row in step_metrics(together))


def test_killed_run_has_all_rows_before_its_checkpoint_and_resumes_exactly(
    tiny_weights, module_corpus, tmp_path, monkeypatch, slow_reading
):
    uninterrupted = tiny_fit(tmp_path / "uninterrupted", tiny_weights, module_corpus)
    end_step = RunRecorder._end_step

    def kill_in_step_3(self, trainer, *arguments):
        if trainer.global_step == 3:
            raise Killed
        end_step(self, trainer, *arguments)

    monkeypatch.setattr(RunRecorder, "_end_step", kill_in_step_3)
    monkeypatch.setattr(RunRecorder, "on_exception", lambda *_: None)
    with killed():
        tiny_fit(tmp_path / "killed", tiny_weights, module_corpus)
    monkeypatch.undo()
    monkeypatch.setattr(callbacks, "read_interval_s", lambda device: 1e9)
    assert [step for step, _ in losses(Run(tmp_path / "killed" / "r"))] == [1, 2]
    assert_same_training(tiny_fit(tmp_path / "killed", tiny_weights, module_corpus), uninterrupted)


def test_failed_run_writes_the_rows_of_its_last_steps(tiny_weights, module_corpus, tmp_path, monkeypatch, slow_reading):
    monkeypatch.setattr(SpeechModule, "loss", _nan_loss(SpeechModule.loss, range(1, 100)))
    with pytest.raises(TrainingError, match="3 steps in a row"):
        tiny_fit(tmp_path, tiny_weights, module_corpus, faults={"skipped_steps": 3})
    assert [row["step"] for row in step_metrics(Run(tmp_path / "r"))] == [1, 2, 3]


def test_status_and_memory_are_written_at_most_once_a_second(tiny_weights, module_corpus, tmp_path, monkeypatch):
    """A fast device makes many steps a second."""
    measured, written = [], []
    update = Run.update_status
    monkeypatch.setattr(pending_steps, "resource_usage", lambda folder: measured.append(folder) or {"memory_mb": 1})
    monkeypatch.setattr(Run, "update_status", lambda run, **changes: (written.append(changes), update(run, **changes)))
    monkeypatch.setattr(callbacks, "STATUS_S", 1e9)
    monkeypatch.setattr(pending_steps, "RESOURCES_S", 1e9)
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    assert len(step_metrics(run)) == TOTAL_STEPS
    assert len(measured) == 1
    assert len([changes for changes in written if "step" in changes]) <= 3  # at the start, once, and at the end
    assert run.status().step == TOTAL_STEPS


def _nan_loss(loss, steps):
    calls = []

    def nan_loss(self, batch):
        calls.extend([1] * self.training)
        return loss(self, batch) * (np.nan if self.training and len(calls) in steps else 1)

    return nan_loss


def test_fused_optimizer_skips_a_nonfinite_step_on_the_device(tiny_weights, module_corpus, tmp_path, monkeypatch):
    """The step changes no weight and no moment, although the gradient is not read."""
    monkeypatch.setattr(optimizer, "can_be_fused", lambda *_: True)
    states: list[tuple[dict, list]] = []

    def record(self, *_):
        weights = {name: p.detach().clone() for name, p in self.named_parameters() if p.requires_grad}
        moments = [{k: v.clone() for k, v in s.items()} for s in self.trainer.optimizers[0].state.values()]
        states.append((weights, moments))

    monkeypatch.setattr(SpeechModule, "on_train_batch_end", record)
    monkeypatch.setattr(SpeechModule, "loss", _nan_loss(SpeechModule.loss, [3]))
    run = tiny_fit(tmp_path, tiny_weights, module_corpus)
    (before, moments_before), (after, moments_after), (later, _) = states[1:4]
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(torch.equal(a[k], b[k]) for a, b in zip(moments_before, moments_after, strict=True) for k in a)
    assert any(not torch.equal(after[name], later[name]) for name in after)
    rows = [json.loads(line, parse_constant=pytest.fail) for line in run.metrics_file.read_text().splitlines()]
    assert [row["step"] for row in rows if row.get("skipped")] == [3]
    assert run.status().skipped_steps == 1


def test_fused_training_resumes_exactly(tiny_weights, module_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(optimizer, "can_be_fused", lambda *_: True)
    uninterrupted = tiny_fit(tmp_path / "uninterrupted", tiny_weights, module_corpus)
    end_step = RunRecorder._end_step

    def kill_in_step_5(self, trainer, *arguments):
        if trainer.global_step == 5:
            raise Killed
        end_step(self, trainer, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(RunRecorder, "_end_step", kill_in_step_5)
        with killed():
            tiny_fit(tmp_path / "killed", tiny_weights, module_corpus)
    assert_same_training(tiny_fit(tmp_path / "killed", tiny_weights, module_corpus), uninterrupted)


def test_counts_of_skipped_steps_survive_a_checkpoint_and_end_a_long_row():
    counts = nonfinite.SkippedSteps(nonfinite.FaultOptions(skipped_steps=3))
    for skipped in (True, False, True, True):
        counts._count(torch.tensor(skipped))
    assert counts.state_dict() == {"total": 3, "in_a_row": 2}
    resumed = nonfinite.SkippedSteps(nonfinite.FaultOptions(skipped_steps=3))
    resumed.load_state_dict(counts.state_dict())
    resumed._count(torch.tensor(False))
    assert resumed.state_dict() == {"total": 3, "in_a_row": 0}
