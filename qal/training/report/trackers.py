"""Where else a run's figures go: TensorBoard in the run folder, or a tracker that its user has.

What Qal itself reads is metrics.jsonl; a tracker is fed the same rows and never read."""

import argparse
from importlib import import_module
from typing import Any

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from qal.jobs.options.training_config import Tracker
from qal.jobs.run import Run

PROJECT = "qal"


def make_logger(tracker: Tracker, run: Run) -> Logger | None:
    """A resumed run goes on in the same place."""
    folder = run.folder
    if tracker == "tensorboard":
        return TensorBoardLogger(folder, name="", version="tensorboard")
    if tracker == "wandb":
        return WandbLogger(run.id, folder, project=PROJECT, id=run.id, resume="allow")
    if tracker == "mlflow":  # MLFLOW_TRACKING_URI leads elsewhere
        return _mlflow(run)
    return TrackioLogger(run.id) if tracker == "trackio" else None


def _mlflow(run: Run) -> Logger:
    """Under the id that MLflow gave to this run the first time."""
    path = run.folder / "mlflow-run.txt"
    known = path.read_text(encoding="utf-8").strip() if path.is_file() else None
    logger = MLFlowLogger(PROJECT, run_name=run.id, save_dir=str(run.folder / "mlruns"), run_id=known)
    path.write_text(logger.run_id or "", encoding="utf-8")
    return logger


class TrackioLogger(Logger):
    """Trackio speaks like W&B, but Lightning does not know it yet."""

    def __init__(self, run: str):
        super().__init__()
        self._run_name = run
        self._run: Any = None

    @property
    def name(self) -> str:
        return PROJECT

    @property
    def version(self) -> str:
        return self._run_name

    @property
    def run(self) -> Any:
        if self._run is None:
            self._run = import_module("trackio").init(project=PROJECT, name=self._run_name, resume="allow")
        return self._run

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *arguments: Any, **named: Any) -> None:
        self.run.config.update(vars(params) if isinstance(params, argparse.Namespace) else params)

    @rank_zero_only
    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self.run.log(metrics, step=step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        if self._run is not None:
            self._run.finish()
