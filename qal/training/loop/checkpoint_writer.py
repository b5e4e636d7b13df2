"""Lightning callback that saves checkpoints and stops a run on request."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from qal.jobs.run import Run
from qal.training.loop.callbacks import RunRecorder
from qal.training.loop.checkpoints import Checkpoints
from qal.training.loop.distributed import SINGLE_PROCESS, TrainingProcess, broadcast


class CheckpointWriter(pl.Callback):
    """Saves a checkpoint after every epoch, at intervals within it, and when the run is asked to stop.

    Args:
        run: the run.
        checkpoints: its checkpoints.
        recorder: shows the warning where a checkpoint could not be written.
        process: rank and world size of this process.
        saves_checkpoints: False for DeepSpeed, whose checkpoints are folders of shards; stop requests still work."""

    def __init__(
        self,
        run: Run,
        checkpoints: Checkpoints,
        recorder: RunRecorder,
        process: TrainingProcess = SINGLE_PROCESS,
        saves_checkpoints: bool = True,
    ):
        self.run, self.checkpoints, self.recorder, self.process = run, checkpoints, recorder, process
        self.saves_checkpoints = saves_checkpoints
        self.stopped_at: int | None = None  # step within an epoch at which the run stopped on request

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not trainer.is_last_batch:
            return  # a checkpoint does not hold gradients that are still accumulated
        on_any_rank = trainer.strategy.reduce_boolean_decision
        stop = on_any_rank(self.process.is_main and self.run.stop_file.exists(), all=False)
        due = on_any_rank(self.process.is_main and self.checkpoints.is_due(trainer.global_step), all=False)
        if stop:
            trainer.should_stop = True
        if trainer.is_last_batch:
            return  # on_train_epoch_end saves
        if stop:
            self.stopped_at = trainer.global_step
            trainer.limit_val_batches = 0  # no validation of an incomplete epoch
        if stop or due:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.stopped_at is None:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        """Saves a checkpoint on all ranks or on none, as the disk of the main process allows."""
        if not self.saves_checkpoints:
            return
        self.recorder.flush(trainer)  # a resume starts after the checkpoint, so the rows before it must be on disk

        def write(path: Path) -> None:
            try:
                trainer.save_checkpoint(path)
            except (OSError, RuntimeError):  # torch reports a full disk as a RuntimeError
                trainer.strategy.barrier()  # the other ranks wait here at the end of save_checkpoint
                raise

        if broadcast(self.checkpoints.has_disk_space() if self.process.is_main else None):
            self.checkpoints.save(write, self.process.is_main)
        self.recorder.warning = self.checkpoints.warning
