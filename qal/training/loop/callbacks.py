"""What a run writes while it trains, and how it hears that it should stop."""

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

from qal.jobs.run import Run
from qal.jobs.skipped_audio import BadRow, SkippedRows
from qal.training.loop.checkpoints import Checkpoints
from qal.training.loop.distributed import ALONE, Ranks, gathered, told
from qal.training.loop.nonfinite import SkippedSteps
from qal.training.model.lightning_module import SpeechModule

log = logging.getLogger("qal")


class BatchEnd(pl.Callback):
    """Notes when a batch and all that other callbacks do after it is over: from then on one waits for data."""

    def __init__(self) -> None:
        self.at = time.perf_counter()

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.at = time.perf_counter()


class RunRecorder(pl.Callback):
    """metrics.jsonl a row a step and an epoch, status.json's heartbeat and counters, a bar. Only the leader writes."""

    def __init__(self, run: Run, attempt: int, skipped_steps: SkippedSteps, rows: SkippedRows, ranks: Ranks = ALONE):
        self.run, self.attempt, self.ranks = run, attempt, ranks
        self.skipped_steps, self.rows = skipped_steps, rows
        self.warning: str | None = None
        self._bad: list[BadRow] = []  # of this rank, not yet listed
        self._bar: tqdm | None = None
        self.ended, self._step_began = BatchEnd(), time.perf_counter()
        self._step, self._loss, self._utterances, self._waited_s = 0, 0.0, 0, 0.0  # of the step to come

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        total = int(trainer.estimated_stepping_batches)
        if self.ranks.leads:
            self._bar = tqdm(total=total, initial=trainer.global_step, desc="train", unit="step", file=sys.stderr)
        self._update_status(trainer, steps=total)
        self._begin_step(trainer)  # in the middle of an epoch, too, where no on_train_epoch_start comes

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_step(trainer)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._waited_s += time.perf_counter() - self.ended.at
        self._note_bad_rows(trainer, getattr(batch, "bad", ()))

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._loss += float(outputs["loss"])  # each is divided by how many a step adds up
        self._utterances += len(batch[0])
        if trainer.global_step > self._step:  # else gradients are still gathered
            self._end_step(trainer, pl_module, batch)

    def _end_step(self, trainer: pl.Trainer, pl_module: Any, batch: Any) -> None:
        elapsed, loss = time.perf_counter() - self._step_began, self._loss
        figures = {
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "utterances_per_second": self.ranks.world * self._utterances / elapsed,
            "context_s": batch[0].shape[-1] / 100,
            "data_wait_fraction": round(self._waited_s / elapsed, 4),
            "parts": pl_module.memory.parts(batch) if pl_module.computes_in_parts else 1,
        }
        figures |= {"skipped": 1} if self.skipped_steps.last else {}
        norm = self.skipped_steps.gradient_norm
        measured = {"loss": loss, "grad_norm": norm}
        figures |= {name: value for name, value in measured.items() if math.isfinite(value)}  # NaN is no JSON
        figures |= device_use(self.run.folder)
        self._append(trainer, "step", **figures)
        self._update_status(trainer)
        if self._bar:
            self._bar.update()
            self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._begin_step(trainer)

    def _begin_step(self, trainer: pl.Trainer) -> None:
        self._step, self._loss, self._utterances, self._waited_s = trainer.global_step, 0.0, 0, 0.0
        self._step_began = self.ended.at = time.perf_counter()

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._note_bad_rows(trainer, batch.bad)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._list_bad_rows(trainer)
        found = trainer.callback_metrics
        figures = {n: float(found[n]) for n in ("validation_loss", "wer", "cer") if n in found}
        self._append(trainer, "epoch", **figures)
        self._append_samples(trainer, pl_module)
        if self._bar and "wer" in figures:
            wer = f"validation WER {100 * figures['wer']:.1f} %"
            self._bar.write(f"epoch {self._epochs_done(trainer)}: {wer}", file=sys.stderr)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._list_bad_rows(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._update_status(trainer)
        if self._bar:
            self._bar.close()

    def _note_bad_rows(self, trainer: pl.Trainer, bad: tuple[BadRow, ...]) -> None:
        """Alone they are listed at once; several ranks put their lists together after each epoch."""
        self._bad += bad
        if self.ranks.world == 1:
            self._list_bad_rows(trainer)

    def _list_bad_rows(self, trainer: pl.Trainer) -> None:
        found = [row for rank in gathered(self._bad) for row in rank]
        self._bad = []
        for row in self.rows.add(found):
            log.warning("skipped: %s", row.reason)

    def _epochs_done(self, trainer: pl.Trainer) -> int:
        return trainer.current_epoch + (1 if trainer.state.fn == "fit" else 0)

    def _append(self, trainer: pl.Trainer, kind: str, **figures: float) -> None:
        if self.ranks.leads:
            epoch = self._epochs_done(trainer) if kind == "epoch" else trainer.current_epoch
            row = {"kind": kind, "step": trainer.global_step, "epoch": epoch, "attempt": self.attempt}
            self.run.append_metrics(row | figures)
            for logger in trainer.loggers:
                logger.log_metrics({f"{kind}/{name}": value for name, value in figures.items()}, trainer.global_step)

    def _append_samples(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.ranks.leads:
            where = {"step": trainer.global_step, "epoch": self._epochs_done(trainer), "attempt": self.attempt}
            self.run.append_samples({**where, "samples": pl_module.heard})

    def _update_status(self, trainer: pl.Trainer, **changes: Any) -> None:
        if not self.ranks.leads:
            return
        module = trainer.lightning_module
        assert isinstance(module, SpeechModule)
        changes |= {
            "stage": "train",
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
            "heartbeat": time.time(),
            "skipped_steps": self.skipped_steps.total,
            "skipped_rows": len(self.rows),
            "halvings": module.halvings,
            "warning": self.warning,
        }
        self.run.write_status(self.run.status().model_copy(update=changes))


def device_use(folder: Path) -> dict[str, int]:
    """Memory of this process and its workers, of its GPU, and what is free on the run's disk, in MB."""
    process, used = psutil.Process(), 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            used += one.memory_info().rss
    on_gpu = {"gpu_memory_mb": round(torch.cuda.memory_reserved() / 1e6)} if torch.cuda.is_initialized() else {}
    free = shutil.disk_usage(folder).free
    return {"memory_mb": round(used / 1e6), **on_gpu, "disk_free_mb": round(free / 1e6)}


class CheckpointWriter(pl.Callback):
    """A checkpoint after every epoch, every so often between, and when the run is asked to stop."""

    def __init__(
        self, run: Run, checkpoints: Checkpoints, recorder: RunRecorder, ranks: Ranks = ALONE, saves: bool = True
    ):
        """saves: not with DeepSpeed, whose checkpoints are folders of shards; it hears the stop all the same."""
        self.run, self.checkpoints, self.recorder, self.ranks, self.saves = run, checkpoints, recorder, ranks, saves
        self.stopped_at: int | None = None  # the step after which the run was told to stop

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not trainer.is_last_batch:
            return  # gradients that are still being added up are in no checkpoint
        decide = trainer.strategy.reduce_boolean_decision
        stop = decide(self.ranks.leads and self.run.stop_file.exists(), all=False)
        due = decide(self.ranks.leads and self.checkpoints.due(trainer.global_step), all=False)
        if stop:
            trainer.should_stop = True
        if trainer.is_last_batch:
            return  # after the last batch comes the epoch's own checkpoint
        if stop:
            self.stopped_at = trainer.global_step
            trainer.limit_val_batches = 0  # nobody waits for the validation of half an epoch
        if stop or due:
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.stopped_at is None:
            self._save(trainer)

    def _save(self, trainer: pl.Trainer) -> None:
        """All ranks take part or none does: the leader looks at the disk for everybody."""
        if not self.saves:
            return

        def write(path: Path) -> None:
            try:
                trainer.save_checkpoint(path)
            except (OSError, RuntimeError):  # torch's own error of a full disk is the second
                trainer.strategy.barrier()  # where the others wait at the end of theirs
                raise

        if told(self.checkpoints.has_room() if self.ranks.leads else None):
            self.checkpoints.save(write, self.ranks.leads)
        self.recorder.warning = self.checkpoints.warning
