"""The learning-rate finder (Smith 2017): one step each at rates that rise from far too low to far too high.

Lightning's own stops after max_epochs, validates between the epochs, and measures the slope against the rate
instead of its logarithm, which favours the lowest rates; so the sweep is done here, with the run's own loop."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from lightning_fabric.utilities.seed import seed_everything

from qal.corpus.manifest import Corpus
from qal.errors import TrainingError
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run
from qal.training.loop.fit import Bars, hardware_errors, make_trainer, prepare
from qal.training.model.distillation import Progress

LEARNING_RATE_FILE = "learning_rate.json"
LOWEST, HIGHEST = 1e-7, 1.0
STEPS = 100
SMOOTHING = 0.9  # of the running mean of the losses
DIVERGED = 4.0  # times the lowest loss
SKIPPED_SHARE = 0.1  # of the points, at the start, where the running mean is of few


class RateSweep(pl.Callback):
    """Sets the rate in front of each step, and notes the smoothed loss after it."""

    def __init__(self, steps: int, progress: Progress, stop_file: Path):
        self.rates = np.geomspace(LOWEST, HIGHEST, steps)
        self.losses: list[float] = []  # smoothed
        self._progress, self._stop_file, self._gathered, self._mean = progress, stop_file, 0.0, 0.0

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = float(self.rates[len(self.losses)])

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._gathered += float(outputs["loss"])
        if trainer.global_step == len(self.losses):
            return
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * self._gathered
        self._gathered = 0.0
        self.losses.append(self._mean / (1 - SMOOTHING ** (len(self.losses) + 1)))
        self._progress(len(self.losses), len(self.rates))
        diverged = not self.losses[-1] <= DIVERGED * min(self.losses)  # also when it is no number
        trainer.should_stop = diverged or len(self.losses) == len(self.rates) or self._stop_file.exists()


def find_learning_rate(
    run: Run, config: TrainingConfig, weights: Path, corpora: Sequence[Corpus], bars: Bars, steps: int = STEPS
) -> dict | None:
    """Writes and returns learning_rate.json: rates, their losses, and the suggested rate; None when it was stopped.

    Raises TrainingError when the loss falls nowhere."""
    seed_everything(config.seed, verbose=False)
    alone = config.machine.model_copy(update={"devices": 1, "nodes": 1, "strategy": "auto"})
    config = config.model_copy(update={"epochs": steps, "machine": alone})  # more than enough; the sweep stops itself
    sweep = RateSweep(steps, bars("find"), run.stop_file)
    trainer = make_trainer(config, [sweep])
    trainer.limit_val_batches = 0
    with hardware_errors():
        data, module, _ = prepare(run, config, weights, corpora, bars)
        trainer.fit(module, data)
    if run.stop_file.exists():
        return None
    finite = [x for x in sweep.losses if np.isfinite(x)]
    rates = sweep.rates[: len(finite)].tolist()
    found = {"suggestion": suggestion(rates, finite), "learning_rate": rates, "loss": finite}
    (run.folder / LEARNING_RATE_FILE).write_text(json.dumps(found, indent=2), encoding="utf-8")
    return found


def suggestion(rates: Sequence[float], losses: Sequence[float]) -> float:
    """The rate at which the smoothed loss falls fastest, over the rate's logarithm, in front of its lowest point."""
    first = int(SKIPPED_SHARE * len(rates))
    if len(rates) - first > 2:
        slopes = np.gradient(losses, np.log(rates))[first : int(np.argmin(losses)) + 1]
        if len(slopes) and slopes.min() < 0:
            return float(rates[first + int(np.argmin(slopes))])
    raise TrainingError("the loss fell at no learning rate; check the corpus and the base, or set --learning_rate")
