"""The trained weights that a run has kept of several steps, which can be evaluated one by one.

checkpoints/epoch-N.safetensors   of each epoch (checkpoints.keep_epochs) or of the last ones (result.keep: average)
checkpoints/best.safetensors      of the epoch with the lowest error rate (result.keep: best)
checkpoints/previous.ckpt, last.ckpt   to resume from
model/                            the finished model"""

from pathlib import Path
from typing import NamedTuple

from qal.engine.model_directory import is_model_directory
from qal.errors import EvaluationError
from qal.jobs.index import best_validation
from qal.jobs.metrics import MetricsRows
from qal.jobs.run import Run

LAST_CHECKPOINT, PREVIOUS_CHECKPOINT = "last.ckpt", "previous.ckpt"
BEST_WEIGHTS_FILE = "best.safetensors"
EPOCH_WEIGHTS_FILE = "epoch-{}.safetensors"
FINAL = "final"  # name of the finished model among the checkpoints
SEPARATOR = "@"  # between a run's id and the name of a checkpoint, in the name of an evaluated model


class KeptCheckpoint(NamedTuple):
    """Weights of one step of a run."""

    name: str  # "epoch-2", "best", "previous", "last" or "final"
    path: Path  # a file, or the finished model directory
    step: int | None  # None: only the file says

    @property
    def title(self) -> str:
        return self.name.replace("-", " ").capitalize()


def kept_checkpoints(run: Run) -> list[KeptCheckpoint]:
    """Returns the weights that a run has, those of the epochs first."""
    rows = run.metrics()
    found = [
        KeptCheckpoint(f"epoch-{epoch}", path, epoch_step(rows, epoch)) for epoch, path in epoch_files(run.checkpoints)
    ]
    best = best_validation(rows)
    for name, file, step in (
        ("best", BEST_WEIGHTS_FILE, epoch_step(rows, best.epoch) if best else None),
        ("previous", PREVIOUS_CHECKPOINT, None),
        ("last", LAST_CHECKPOINT, None),
    ):
        if (run.checkpoints / file).is_file():
            found.append(KeptCheckpoint(name, run.checkpoints / file, step))
    if is_model_directory(run.model):
        found.append(KeptCheckpoint(FINAL, run.model, max((row["step"] for row in rows), default=None)))
    return found


def epoch_files(checkpoints: Path) -> list[tuple[int, Path]]:
    """Returns the number and the file of each epoch whose weights are kept, in ascending order."""
    paths = checkpoints.glob(EPOCH_WEIGHTS_FILE.format("[0-9]*"))
    return sorted((int(path.stem.rpartition("-")[2]), path) for path in paths)


def epoch_step(rows: MetricsRows, epoch: int) -> int | None:
    """Returns the step of the validation after an epoch; None if there was none."""
    return next((row["step"] for row in reversed(rows) if row.get("kind") == "epoch" and row["epoch"] == epoch), None)


def choose_checkpoints(run: Run, names: list[str]) -> list[KeptCheckpoint]:
    """Returns the checkpoints of these names, or all. Raises EvaluationError if one is missing or there is none."""
    found = {checkpoint.name: checkpoint for checkpoint in kept_checkpoints(run)}
    if not found:
        raise EvaluationError(f"run {run.id} has kept no checkpoints; train with checkpoints.keep_epochs to have them")
    missing = [name for name in names if name not in found]
    if missing:
        raise EvaluationError(f"run {run.id} has no checkpoint '{missing[0]}'; it has {', '.join(found)}")
    return [found[name] for name in names] if names else list(found.values())
