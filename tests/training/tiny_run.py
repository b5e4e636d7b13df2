"""One run of the tiny model in this process, without the export: fit, killed and resumed at will."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from qal.corpus.manifest import Corpus
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, begin, create_run, open_run
from qal.training.loop.checkpoints import LAST_CHECKPOINT
from qal.training.loop.fit import fit, quiet_libraries

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
STEPS = 8  # four rows, two epochs


class Killed(BaseException):
    """The process ends here; nothing that follows happens, and nobody may catch it."""


def tiny_fit(runs: Path, weights: Path, corpus: Corpus, **settings: Any) -> Run:
    """A new run, or the next attempt of the one that is there."""
    quiet_libraries()
    config = TrainingConfig.model_validate({**SETTINGS, **settings})
    run = open_run(runs / "r") if (runs / "r").exists() else create_run(config, runs, "r")
    fit(run, config, weights, [corpus], begin(run), lambda _: lambda done, of: None)
    return run


def steps(run: Run) -> list[dict[str, Any]]:
    return [row for row in run.metrics() if row["kind"] == "step"]


def losses(run: Run) -> list[tuple[int, float | None]]:
    return [(row["step"], row.get("loss")) for row in steps(run)]


def validations(run: Run) -> list[tuple[int, float, float]]:
    return [(r["step"], r["wer"], r["validation_loss"]) for r in run.metrics() if r["kind"] == "epoch"]


def final_state(run: Run) -> dict[str, Any]:
    """All that the last checkpoint holds, but for Lightning's version."""
    return torch.load(run.checkpoints / LAST_CHECKPOINT, weights_only=True)


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, however it is nested."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def assert_same_training(broken: Run, whole: Run) -> None:
    """Losses of every step, validations, and the final weights, optimizer, scheduler and counters."""
    assert losses(broken) == losses(whole)
    assert validations(broken) == validations(whole)
    one, other = final_state(broken), final_state(whole)
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "callbacks", "memory", "global_step", "epoch"):
        assert same(one[part], other[part]), part


@contextmanager
def killed() -> Iterator[None]:
    try:
        yield
    except Killed:
        return
    raise AssertionError("the run was to be killed, and was not")
