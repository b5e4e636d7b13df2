"""Lightning callback that writes a run's metrics and status, and draws the progress bar of the training."""

import hashlib
import logging
import math
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import pytorch_lightning as pl
from torch import Tensor
from tqdm import tqdm

from qal.audio.samples import FRAMES_PER_SECOND
from qal.evaluation.scoring import ProgressCallback, no_progress
from qal.jobs.run import Run
from qal.jobs.skipped_audio import SkippedAudio, UnusableAudio
from qal.jobs.stages import StageProgress
from qal.json_text import json_text
from qal.text.error_measure import percent
from qal.text.normalisation.registry import SCORING
from qal.training.data.examples import Example
from qal.training.loop.distributed import SINGLE_PROCESS, TrainingProcess, all_gather
from qal.training.loop.nonfinite import SkippedSteps
from qal.training.loop.pending_steps import PendingStep, PendingSteps, read_interval_s
from qal.training.model.lightning_module import SpeechModule

EXAMPLES_KEY_CHARACTERS = 16
# Fields of a metrics row that are no figures; loggers take numbers only
NO_FIGURES = ("kind", "step", "epoch", "attempt", "time", "measure", "utterances", "normaliser", "examples")
STATUS_S = 1.0  # least time between two updates of the status
log = logging.getLogger("qal")


class BatchEndClock(pl.Callback):
    """Records the time at which a batch ends, after all other callbacks; the time until the next is data waiting."""

    def __init__(self) -> None:
        self.ended_at = time.perf_counter()

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        self.ended_at = time.perf_counter()


class RunRecorder(pl.Callback):
    """Writes a row of metrics.jsonl for each step and epoch, the status of the training, and a progress bar.

    Losses and gradient norms stay on the device until they are read together: on a CPU after each step, else at most
    once a second, and always before a checkpoint, a validation and the end. Only the main process writes.

    Args:
        run: the run.
        attempt: number of this attempt; each resume is a new one.
        skipped_steps: the callback that counts skipped steps.
        skipped_rows: the list of rows whose audio cannot be used.
        process: rank and world size of this process.
        stage_progress: gives the progress functions of the stages "train" and "validate"."""

    def __init__(
        self,
        run: Run,
        attempt: int,
        skipped_steps: SkippedSteps,
        skipped_rows: SkippedAudio,
        process: TrainingProcess = SINGLE_PROCESS,
        stage_progress: StageProgress = lambda _: no_progress,
    ):
        self.run, self.attempt, self.process = run, attempt, process
        self.skipped_steps, self.skipped_rows = skipped_steps, skipped_rows
        self.warning: str | None = None
        self.batch_end_clock = BatchEndClock()
        self.steps = PendingSteps(process.world_size)
        self.stage_progress = stage_progress
        self._unlisted_bad_rows: list[UnusableAudio] = []  # of this rank
        self._bar: tqdm | None = None
        self._step_started_at = time.perf_counter()
        self._status_written_at = -math.inf
        self._total_steps = 0
        self._step = 0  # the current one; the three fields below are of it
        self._losses: list[Tensor] = []  # () each, of the accumulated batches
        self._utterances = 0
        self._waited_s = 0.0  # for audio

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        total = int(trainer.estimated_stepping_batches)
        if self.process.is_main:
            self._bar = tqdm(total=total, initial=trainer.global_step, desc="train", unit="step", file=sys.stderr)
        self.steps.interval_s = read_interval_s(pl_module.device)
        self._total_steps = total
        self._report_steps(trainer)
        self._update_status(trainer, steps=total)
        self._begin_step(trainer)  # for a run resumed within an epoch, where on_train_epoch_start is not called

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begin_step(trainer)

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._waited_s += time.perf_counter() - self.batch_end_clock.ended_at
        self._add_bad_rows(trainer, getattr(batch, "bad_rows", ()))

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._losses.append(outputs["loss"])  # divided already by the number of accumulated batches
        self._utterances += len(batch[0])
        if trainer.global_step > self._step:  # otherwise gradients are still accumulated
            self._end_step(trainer, pl_module, batch)

    def _end_step(self, trainer: pl.Trainer, pl_module: Any, batch: Any) -> None:
        figures = {
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "context_s": batch[0].shape[-1] / FRAMES_PER_SECOND,
            "parts": pl_module.train_limit.count(batch) if pl_module.uses_micro_batches else 1,
        }
        self.steps.add(
            PendingStep(
                row={**self._position(trainer, "step"), "time": time.time(), **figures},
                losses=tuple(self._losses),
                gradient_norm=self.skipped_steps.gradient_norm,
                utterances=self._utterances,
                elapsed_s=time.perf_counter() - self._step_started_at,
                waited_s=self._waited_s,
            )
        )
        self._report_steps(trainer)
        if self._bar:
            self._bar.update()
        if self.steps.is_due:
            self.flush(trainer)
        self._begin_step(trainer)

    def flush(self, trainer: pl.Trainer) -> None:
        """Reads the values of the pending steps from the device and writes their rows."""
        rows = self.steps.read()
        if not rows:
            return
        for row in rows:
            if "skipped" in row:
                log.warning("step %d: the loss or its gradient is not finite; skipped", row["step"])
        resources = self.steps.resources(self.run.folder) if self.process.is_main else {}
        self._append(trainer, "step", rows=[row | resources for row in rows])
        if time.monotonic() - self._status_written_at > STATUS_S:
            self._update_status(trainer)
        if self._bar:
            self._bar.set_postfix(loss=f"{rows[-1].get('loss', math.nan):.3f}", refresh=False)

    def _begin_step(self, trainer: pl.Trainer) -> None:
        self._step, self._losses, self._utterances, self._waited_s = trainer.global_step, [], 0, 0.0
        self._step_started_at = self.batch_end_clock.ended_at = time.perf_counter()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.flush(trainer)
        self._report_validation(trainer, pl_module, 0)

    def on_validation_batch_start(
        self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._add_bad_rows(trainer, batch.bad_rows)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._report_validation(trainer, pl_module, batch_idx + 1)
        if trainer.state.fn == "validate" and self.process.world_size == 1:
            self.run.raise_if_stop_requested()  # before the training there is nothing to save

    def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self._list_bad_rows(trainer)
        metrics = trainer.callback_metrics
        figures = {name: float(metrics[name]) for name in ("validation_loss", "wer", "cer") if name in metrics}
        labels = basis_fields(pl_module) if "wer" in figures else {}
        self._append(trainer, "epoch", rows=[self._position(trainer, "epoch") | labels | figures])
        self._append_sample_predictions(trainer, pl_module)
        if self._bar and "wer" in figures:
            rate = percent(figures[pl_module.measure.lower()])
            line = f"epoch {self._epochs_done(trainer)}: validation {pl_module.measure} {rate}"
            self._bar.write(line, file=sys.stderr)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.flush(trainer)
        self._list_bad_rows(trainer)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.flush(trainer)
        self._update_status(trainer)
        if self._bar:
            self._bar.close()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Writes the pending rows; a device that failed may not give their values any more."""
        try:
            self.flush(trainer)
        except (RuntimeError, OSError) as error:
            log.warning("the metrics of the last steps are lost: %s", error)

    def _report_steps(self, trainer: pl.Trainer) -> None:
        if self.process.is_main:
            self._train_progress(trainer.global_step, self._total_steps)

    def _report_validation(self, trainer: pl.Trainer, pl_module: Any, batches: int) -> None:
        """Reports the validated examples of all validations of the run."""
        if not self.process.is_main:
            return
        examples, n_batches = len(pl_module.validation), max(1, int(sum(trainer.num_val_batches)))
        earlier = self._epochs_done(trainer) if trainer.state.fn == "fit" else 0
        done = examples * earlier + round(examples * min(1.0, batches / n_batches))
        self._validation_progress(done, examples * (int(trainer.max_epochs or 0) + 1))

    @cached_property
    def _train_progress(self) -> ProgressCallback:
        return self.stage_progress("train")

    @cached_property
    def _validation_progress(self) -> ProgressCallback:
        return self.stage_progress("validate")

    def _add_bad_rows(self, trainer: pl.Trainer, bad_rows: tuple[UnusableAudio, ...]) -> None:
        """Lists bad rows at once in a single process; several ranks gather theirs after each epoch."""
        self._unlisted_bad_rows += bad_rows
        if self.process.world_size == 1 and self._unlisted_bad_rows:
            self._list_bad_rows(trainer)

    def _list_bad_rows(self, trainer: pl.Trainer) -> None:
        bad_rows = [row for of_rank in all_gather(self._unlisted_bad_rows) for row in of_rank]
        self._unlisted_bad_rows = []
        for row in self.skipped_rows.add(bad_rows):
            log.warning("skipped: %s", row.reason)

    def _epochs_done(self, trainer: pl.Trainer) -> int:
        return trainer.current_epoch + (1 if trainer.state.fn == "fit" else 0)

    def _position(self, trainer: pl.Trainer, kind: str) -> dict[str, Any]:
        epoch = self._epochs_done(trainer) if kind == "epoch" else trainer.current_epoch
        return {"kind": kind, "step": trainer.global_step, "epoch": epoch, "attempt": self.attempt}

    def _append(self, trainer: pl.Trainer, kind: str, rows: list[dict[str, Any]]) -> None:
        """Appends rows of one kind to the metrics and sends their figures to the trackers."""
        if not self.process.is_main:
            return
        self.run.append_metrics(*rows)
        for row in rows:
            figures = {f"{kind}/{name}": value for name, value in row.items() if name not in NO_FIGURES}
            for logger in trainer.loggers:
                logger.log_metrics(figures, row["step"])

    def _append_sample_predictions(self, trainer: pl.Trainer, pl_module: Any) -> None:
        if self.process.is_main:
            where = {"step": trainer.global_step, "epoch": self._epochs_done(trainer), "attempt": self.attempt}
            self.run.append_samples({**where, "samples": pl_module.sample_predictions})

    def _update_status(self, trainer: pl.Trainer, **changes: Any) -> None:
        if not self.process.is_main:
            return
        self._status_written_at = time.monotonic()
        module = trainer.lightning_module
        assert isinstance(module, SpeechModule)
        self.run.update_status(
            step=trainer.global_step,
            epoch=trainer.current_epoch,
            skipped_steps=self.skipped_steps.total,
            skipped_rows=len(self.skipped_rows),
            halvings=module.halvings,
            warning=self.warning,
            **changes,
        )


def basis_fields(module: SpeechModule) -> dict[str, float | str]:
    """Returns what the error rates of a validation rest on, for its row of metrics.jsonl."""
    return {
        "measure": module.measure,
        "utterances": module.validated_utterances,
        "normaliser": SCORING.id,
        "examples": examples_key(module.validation),
    }


def examples_key(examples: Sequence[Example]) -> str:
    """Returns a key that only the same audio files with the same references have, in any order."""
    lines = sorted(json_text([str(example.audio), example.reference, example.language]) for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:EXAMPLES_KEY_CHARACTERS]
