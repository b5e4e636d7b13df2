"""Learning-rate finder (Smith 2017): one step at each rate, from far too low to far too high.

Lightning's finder stops after max_epochs, validates between the epochs, and measures the slope over the rate
instead of its logarithm, which favours the lowest rates. So the sweep is done here, with the run's own loop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from lightning_fabric.utilities.seed import seed_everything

from qal.corpus.manifest import Corpus
from qal.errors import TrainingError
from qal.evaluation.scoring import ProgressCallback
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.jobs.stages import SWEEP_STEPS, StageProgress
from qal.json_text import json_text
from qal.training.loop.fit import make_trainer, prepare_training
from qal.training.loop.hardware_errors import hardware_errors

LOWEST_RATE, HIGHEST_RATE = 1e-7, 1.0
SMOOTHING = 0.9  # of the running mean of the losses
DIVERGED = 4.0  # times the lowest loss
SKIPPED_SHARE = 0.1  # of the points at the start, where the running mean averages only a few losses


class LearningRateSweep(pl.Callback):
    """Sets the learning rate before each step and records the smoothed loss after it."""

    def __init__(self, steps: int, progress: ProgressCallback, stop_file: Path):
        self.rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, steps)
        self.losses: list[float] = []  # smoothed
        self._progress, self._stop_file = progress, stop_file
        self._step_loss, self._mean = 0.0, 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = float(self.rates[len(self.losses)])

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._step_loss += float(outputs["loss"])
        if trainer.global_step == len(self.losses):
            return  # gradients are still accumulated
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * self._step_loss
        self._step_loss = 0.0
        self.losses.append(self._mean / (1 - SMOOTHING ** (len(self.losses) + 1)))
        self._progress(len(self.losses), len(self.rates))
        diverged = not self.losses[-1] <= DIVERGED * min(self.losses)  # also true for NaN
        trainer.should_stop = diverged or len(self.losses) == len(self.rates) or self._stop_file.exists()


def find_learning_rate(
    run: Run,
    config: TrainingConfig,
    weights: Path,
    corpora: Sequence[Corpus],
    stage_progress: StageProgress,
    steps: int = SWEEP_STEPS,
) -> dict | None:
    """Sweeps over learning rates and writes learning_rate.json to the run's folder.

    Args:
        run: the run.
        config: its configuration.
        weights: folder of the base model in Transformers' format.
        corpora: the run's corpora.
        stage_progress: gives the progress function of the stage "find".
        steps: number of rates.

    Returns:
        the content of learning_rate.json: rates, their losses and the suggested rate; None if the run was stopped.

    Raises:
        TrainingError: the loss falls at no rate."""
    seed_everything(config.seed, verbose=False)
    machine = config.machine.model_copy(update={"devices": 1, "nodes": 1, "strategy": "auto"})
    config = config.model_copy(update={"epochs": steps, "machine": machine})  # upper limit; the sweep stops earlier
    with hardware_errors():
        prepared = prepare_training(run, config, weights, corpora, stage_progress)
        sweep = LearningRateSweep(steps, stage_progress("find"), run.stop_file)
        trainer = make_trainer(config, [sweep])
        trainer.limit_val_batches = 0
        trainer.fit(prepared.module, prepared.data)
    if run.stop_file.exists():
        return None
    losses = [loss for loss in sweep.losses if np.isfinite(loss)]
    rates = sweep.rates[: len(losses)].tolist()
    curve = {"suggestion": suggested_rate(rates, losses), "learning_rate": rates, "loss": losses}
    run.learning_rate_file.write_text(json_text(curve, indent=2), encoding="utf-8")
    return curve


def suggested_rate(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Returns the rate below the minimum of the loss at which it falls fastest over the rate's logarithm.

    Raises TrainingError if the loss falls at no rate."""
    first = int(SKIPPED_SHARE * len(rates))
    if len(rates) - first > 2:
        slopes = np.gradient(losses, np.log(rates))[first : int(np.argmin(losses)) + 1]
        if len(slopes) and slopes.min() < 0:
            return float(rates[first + int(np.argmin(slopes))])
    raise TrainingError("the loss fell at no learning rate; check the dataset and the base, or set --learning_rate")
