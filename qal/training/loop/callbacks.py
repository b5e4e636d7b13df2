"""Lightning callbacks that write a run's metrics, status and checkpoints, and stop it on request."""

import contextlib
import logging
import math
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytorch_lightning as pl
import torch
from tqdm import tqdm

from qal.audio.samples import FRAMES_PER_SECOND
from qal.jobs.run import Run
from qal.jobs.skipped_audio import SkippedAudio, UnusableAudio
from qal.text.error_measure import percent
from qal.text.normalisation.registry import SCORING
from qal.training.loop.checkpoints import Checkpoints
from qal.training.loop.distributed import SINGLE_PROCESS, TrainingProcess, all_gather, broadcast
from qal.training.loop.nonfinite import SkippedSteps
from qal.training.model.lightning_module import SpeechModule

log = logging.getLogger("qal")


class BatchEndClock(pl.Callback):
    """Records the time at which a batch ends, after all other callbacks; the time until the next is data waiting."""

    def __init__(self) -> None:
        self.ended_at = time.perf_counter()

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.ended_at = time.perf_counter()


class RunRecorder(pl.Callback):
    """Writes a row of metrics.jsonl for each step and epoch, status.json with its heartbeat, and a progress bar.

    Only the main process writes.

    Args:
        run: the run.
        attempt: number of this attempt; each resume is a new one.
        skipped_steps: the callback that counts skipped steps.
        skipped_rows: the list of rows whose audio cannot be used.
        process: rank and world size of this process."""

    def __init__(
        self,
        run: Run,
        attempt: int,
        skipped_steps: SkippedSteps,
        skipped_rows: SkippedAudio,
        process: TrainingProcess = SINGLE_PROCESS,
    ):
        self.run, self.attempt, self.process = run, attempt, process
        self.skipped_steps, self.skipped_rows = skipped_steps, skipped_rows
        self.warning: str | None = None
        self.batch_end_clock = BatchEndClock()
        self._unlisted_bad_rows: list[UnusableAudio] = []  # of this rank
        self._bar: tqdm | None = None
        self._step_started_at = time.perf_counter()
        self._step, self._loss, self._utterances, self._waited_s = 0, 0.0, 0, 0.0  # of the current step

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        total = int(trainer.estimated_stepping_batches)
        if self.process.is_main:
            self._bar = tqdm(total=total, initial=trainer.global_step, desc="train", unit="step", file=sys.stderr)
        self._update_status(trainer, steps=total)
        self._begin_step(trainer)  # for a run resumed within an epoch, where on_train_epoch_start is not called

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_step(trainer)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._waited_s += time.perf_counter() - self.batch_end_clock.ended_at
        self._add_bad_rows(trainer, getattr(batch, "bad_rows", ()))

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._loss += float(outputs["loss"])  # divided already by the number of accumulated batches
        self._utterances += len(batch[0])
        if trainer.global_step > self._step:  # otherwise gradients are still accumulated
            self._end_step(trainer, pl_module, batch)

    def _end_step(self, trainer: pl.Trainer, pl_module: Any, batch: Any) -> None:
        loss = self._loss
        self._append(trainer, "step", **self._step_figures(trainer, pl_module, batch))
        self._update_status(trainer)
        if self._bar:
            self._bar.update()
            self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._begin_step(trainer)

    def _step_figures(self, trainer: pl.Trainer, pl_module: Any, batch: Any) -> dict[str, float]:
        elapsed_s = time.perf_counter() - self._step_started_at
        figures: dict[str, float] = {
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "utterances_per_second": self.process.world_size * self._utterances / elapsed_s,
            "context_s": batch[0].shape[-1] / FRAMES_PER_SECOND,
            "data_wait_fraction": round(self._waited_s / elapsed_s, 4),
            "parts": pl_module.train_limit.count(batch) if pl_module.uses_micro_batches else 1,
        }
        if self.skipped_steps.last_skipped:
            figures["skipped"] = 1
        for name, value in (("loss", self._loss), ("grad_norm", self.skipped_steps.gradient_norm)):
            if math.isfinite(value):  # JSON has no NaN
                figures[name] = value
        return figures | resource_usage(self.run.folder)

    def _begin_step(self, trainer: pl.Trainer) -> None:
        self._step, self._loss, self._utterances, self._waited_s = trainer.global_step, 0.0, 0, 0.0
        self._step_started_at = self.batch_end_clock.ended_at = time.perf_counter()

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._add_bad_rows(trainer, batch.bad_rows)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._list_bad_rows(trainer)
        metrics = trainer.callback_metrics
        figures = {name: float(metrics[name]) for name in ("validation_loss", "wer", "cer") if name in metrics}
        basis = score_basis(pl_module) if "wer" in figures else {}
        self._append(trainer, "epoch", **basis, **figures)
        self._append_sample_predictions(trainer, pl_module)
        if self._bar and "wer" in figures:
            rate = percent(figures[pl_module.measure.lower()])
            line = f"epoch {self._epochs_done(trainer)}: validation {pl_module.measure} {rate}"
            self._bar.write(line, file=sys.stderr)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._list_bad_rows(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._update_status(trainer)
        if self._bar:
            self._bar.close()

    def _add_bad_rows(self, trainer: pl.Trainer, bad_rows: tuple[UnusableAudio, ...]) -> None:
        """Lists bad rows at once in a single process; several ranks gather theirs after each epoch."""
        self._unlisted_bad_rows += bad_rows
        if self.process.world_size == 1:
            self._list_bad_rows(trainer)

    def _list_bad_rows(self, trainer: pl.Trainer) -> None:
        bad_rows = [row for of_rank in all_gather(self._unlisted_bad_rows) for row in of_rank]
        self._unlisted_bad_rows = []
        for row in self.skipped_rows.add(bad_rows):
            log.warning("skipped: %s", row.reason)

    def _epochs_done(self, trainer: pl.Trainer) -> int:
        return trainer.current_epoch + (1 if trainer.state.fn == "fit" else 0)

    def _append(self, trainer: pl.Trainer, kind: str, **figures: float | str) -> None:
        """Appends a row to metrics.jsonl; loggers receive the numbers alone."""
        if self.process.is_main:
            epoch = self._epochs_done(trainer) if kind == "epoch" else trainer.current_epoch
            row = {"kind": kind, "step": trainer.global_step, "epoch": epoch, "attempt": self.attempt}
            self.run.append_metrics(row | figures)
            numbers = {f"{kind}/{n}": value for n, value in figures.items() if not isinstance(value, str)}
            for logger in trainer.loggers:
                logger.log_metrics(numbers, trainer.global_step)

    def _append_sample_predictions(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.process.is_main:
            where = {"step": trainer.global_step, "epoch": self._epochs_done(trainer), "attempt": self.attempt}
            self.run.append_samples({**where, "samples": pl_module.sample_predictions})

    def _update_status(self, trainer: pl.Trainer, **changes: Any) -> None:
        if not self.process.is_main:
            return
        module = trainer.lightning_module
        assert isinstance(module, SpeechModule)
        changes |= {
            "stage": "train",
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
            "heartbeat": time.time(),
            "skipped_steps": self.skipped_steps.total,
            "skipped_rows": len(self.skipped_rows),
            "halvings": module.halvings,
            "warning": self.warning,
        }
        self.run.write_status(self.run.status().model_copy(update=changes))


def score_basis(module: SpeechModule) -> dict[str, float | str]:
    """Returns what the error rates of a validation rest on, for its row of metrics.jsonl."""
    return {"measure": module.measure, "utterances": module.validated_utterances, "normaliser": SCORING.id}


def resource_usage(folder: Path) -> dict[str, int]:
    """Memory of this process with its workers and of its GPU, and free space on the folder's disk, in MB."""
    process, memory_bytes = psutil.Process(), 0
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            memory_bytes += member.memory_info().rss
    figures = {"memory_mb": round(memory_bytes / 1e6)}
    if torch.cuda.is_initialized():
        figures["gpu_memory_mb"] = round(torch.cuda.memory_reserved() / 1e6)
    return {**figures, "disk_free_mb": round(shutil.disk_usage(folder).free / 1e6)}


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

        def write(path: Path) -> None:
            try:
                trainer.save_checkpoint(path)
            except (OSError, RuntimeError):  # torch reports a full disk as a RuntimeError
                trainer.strategy.barrier()  # the other ranks wait here at the end of save_checkpoint
                raise

        if broadcast(self.checkpoints.has_disk_space() if self.process.is_main else None):
            self.checkpoints.save(write, self.process.is_main)
        self.recorder.warning = self.checkpoints.warning
