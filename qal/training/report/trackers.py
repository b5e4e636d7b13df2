"""Experiment trackers: TensorBoard in the run's folder, or a service that the user has installed.

Qal reads metrics.jsonl alone; trackers receive the same figures and are never read."""

import argparse
from importlib import import_module
from typing import Any

from pytorch_lightning.loggers import Logger, MLFlowLogger, TensorBoardLogger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from qal.jobs.options.training_config import Tracker
from qal.jobs.run import Run

PROJECT = "qal"
MLFLOW_RUN_FILE = "mlflow-run.txt"


def make_logger(tracker: Tracker, run: Run) -> Logger | None:
    """Makes the tracker's logger; a resumed run continues its earlier records. None for the tracker "none"."""
    folder = run.folder
    if tracker == "tensorboard":
        return TensorBoardLogger(folder, name="", version=run.tensorboard.name)
    if tracker == "wandb":
        return WandbLogger(run.id, folder, project=PROJECT, id=run.id, resume="allow")
    if tracker == "mlflow":  # to the server of MLFLOW_TRACKING_URI, where it is set
        return _mlflow(run)
    return TrackioLogger(run.id) if tracker == "trackio" else None


def _mlflow(run: Run) -> Logger:
    """Makes MLflow's logger with the id that MLflow gave to this run at its first attempt."""
    path = run.folder / MLFLOW_RUN_FILE
    run_id = path.read_text(encoding="utf-8").strip() if path.is_file() else None
    logger = MLFlowLogger(PROJECT, run_name=run.id, save_dir=str(run.folder / "mlruns"), run_id=run_id)
    path.write_text(logger.run_id or "", encoding="utf-8")
    return logger


class TrackioLogger(Logger):
    """Logger for Trackio, whose interface is W&B's; Lightning has none."""

    def __init__(self, run_name: str):
        super().__init__()
        self._run_name = run_name
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
