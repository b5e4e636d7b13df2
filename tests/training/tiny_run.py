"""A training run of the tiny model in this process, without the export; it can be killed and resumed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from qal.corpus.manifest import Corpus
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, begin_attempt, create_run, open_run
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.checkpoints import LAST_CHECKPOINT
from qal.training.loop.fit import fit, silence_libraries

SETTINGS: dict[str, Any] = {
    "base": "tiny",
    "epochs": 2,
    "batch_size": 1,
    "precision": "32-true",
    "device": "cpu",
    "validation_utterances": 1,
    "machine": {"workers": 0},
    "checkpoints": {"every_steps": 2, "every_minutes": 0},
}
TOTAL_STEPS = 8  # four examples, two epochs
CHECKPOINT_KEYS = ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "memory", "global_step", "epoch")


class Killed(BaseException):
    """Simulates the death of the process: no code catches it, so nothing after it runs."""


def tiny_fit(runs: Path, weights: Path, corpus: Corpus, **settings: Any) -> Run:
    """Trains a new run, or the next attempt of the existing one."""
    silence_libraries()
    config = TrainingConfig.model_validate({**SETTINGS, **settings})
    run = open_run(runs / "r") if (runs / "r").exists() else create_run(config, runs, "r")
    fit(run, config, weights, [corpus], begin_attempt(run), lambda _: lambda done, total: None)
    return run


def after_step(monkeypatch: pytest.MonkeyPatch, step: int, act: Any) -> None:
    """Calls act(recorder) once the step is in the metrics, before anything else is written."""
    original_append = RunRecorder._append

    def append(self: RunRecorder, trainer: Any, kind: str, **figures: Any) -> None:
        original_append(self, trainer, kind, **figures)
        if trainer.global_step == step and kind == "step":
            act(self)

    monkeypatch.setattr(RunRecorder, "_append", append)


def kill_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Raises Killed once the step is in the metrics."""

    def kill(recorder: RunRecorder) -> None:
        raise Killed

    after_step(monkeypatch, step, kill)


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Requests a stop of the run once the step is in the metrics."""
    after_step(monkeypatch, step, lambda recorder: recorder.run.request_stop())


@contextmanager
def killed() -> Iterator[None]:
    """Context that must end with Killed."""
    try:
        yield
    except Killed:
        return
    raise AssertionError("the run was not killed")


def step_metrics(run: Run) -> list[dict[str, Any]]:
    return [row for row in run.metrics() if row["kind"] == "step"]


def losses(run: Run) -> list[tuple[int, float | None]]:
    return [(row["step"], row.get("loss")) for row in step_metrics(run)]


def validations(run: Run) -> list[tuple[int, float, float]]:
    return [(row["step"], row["wer"], row["validation_loss"]) for row in run.metrics() if row["kind"] == "epoch"]


def last_checkpoint(run: Run) -> dict[str, Any]:
    return torch.load(run.checkpoints / LAST_CHECKPOINT, weights_only=True)


def identical(a: Any, b: Any) -> bool:
    """True if nested values are equal to the bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(identical(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def assert_same_training(resumed: Run, uninterrupted: Run) -> None:
    """Compares the losses of all steps, the validations, and the final checkpoint."""
    assert losses(resumed) == losses(uninterrupted)
    assert validations(resumed) == validations(uninterrupted)
    resumed_state, uninterrupted_state = last_checkpoint(resumed), last_checkpoint(uninterrupted)
    for key in CHECKPOINT_KEYS:
        assert identical(resumed_state[key], uninterrupted_state[key]), key
