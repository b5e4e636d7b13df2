"""What a run writes while it trains, and how it hears that it should stop."""

import sys
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from tqdm import tqdm

from training.run import Run

LAST_CHECKPOINT = "last.ckpt"


class RunRecorder(pl.Callback):
    """metrics.jsonl a row a step and an epoch, status.json's heartbeat, the stop file, checkpoints, a bar."""

    def __init__(self, run: Run, attempt: int):
        self.run, self.attempt = run, attempt
        self._step_started = time.perf_counter()
        self._bar: tqdm | None = None
        self._step, self._losses, self._utterances = 0, [], 0  # of the batches that make the step to come

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        total, self._step = trainer.estimated_stepping_batches, trainer.global_step
        self._bar = tqdm(total=int(total), initial=trainer.global_step, desc="train", unit="step", file=sys.stderr)
        self._update_status(trainer, steps=int(total))

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._step_started = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._losses.append(float(outputs["loss"]) * trainer.accumulate_grad_batches)  # by which it was divided
        self._utterances += len(batch.mel)
        if trainer.global_step == self._step:  # gradients are still gathered; a step is cut nowhere
            return
        now = time.perf_counter()
        elapsed, self._step_started = now - self._step_started, now
        loss, utterances = sum(self._losses) / len(self._losses), self._utterances
        self._step, self._losses, self._utterances = trainer.global_step, [], 0
        self._append(
            trainer,
            "step",
            loss=loss,
            learning_rate=trainer.optimizers[0].param_groups[0]["lr"],
            utterances_per_second=utterances / elapsed,
            context_s=batch.mel.shape[-1] / 100,
        )
        self._update_status(trainer)
        if self._bar:
            self._bar.update()
            self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if self.run.stop_file.exists():
            trainer.should_stop = True
            save_checkpoint(trainer, self.run.checkpoints)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        figures = {
            n: float(trainer.callback_metrics[n])
            for n in ("validation_loss", "wer", "cer")
            if n in trainer.callback_metrics
        }
        self._append(trainer, "epoch", **figures)
        if self._bar and "wer" in figures:
            self._bar.write(
                f"epoch {self._epochs_done(trainer)}: validation WER {100 * figures['wer']:.1f} %", file=sys.stderr
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not self.run.stop_file.exists():
            save_checkpoint(trainer, self.run.checkpoints)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._update_status(trainer)
        if self._bar:
            self._bar.close()

    def _epochs_done(self, trainer: pl.Trainer) -> int:
        return trainer.current_epoch + (1 if trainer.state.fn == "fit" else 0)

    def _append(self, trainer: pl.Trainer, kind: str, **figures: float) -> None:
        epoch = self._epochs_done(trainer) if kind == "epoch" else trainer.current_epoch
        self.run.append_metrics(
            {"kind": kind, "step": trainer.global_step, "epoch": epoch, "attempt": self.attempt, **figures}
        )
        for logger in trainer.loggers:
            logger.log_metrics({f"{kind}/{name}": value for name, value in figures.items()}, trainer.global_step)

    def _update_status(self, trainer: pl.Trainer, **changes: Any) -> None:
        changes |= {
            "stage": "train",
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
            "heartbeat": time.time(),
        }
        self.run.write_status(self.run.status().model_copy(update=changes))


def save_checkpoint(trainer: pl.Trainer, folder: Path) -> Path:
    """Adapter, optimizer, scheduler and loop; written beside and renamed, so that it is whole or absent."""
    path = folder / LAST_CHECKPOINT
    beside = path.with_suffix(".new")
    try:
        trainer.save_checkpoint(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
