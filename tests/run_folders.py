"""Run folders as a job would write them, without a job."""

import json
import math
import os
import time
from pathlib import Path

import psutil

from training.config import TrainingConfig
from training.run import Run, State, Status, create_run

STEPS, STEPS_PER_EPOCH = 40, 10
REPORT = {
    "base_model": "base",
    "stock_30s": {"wer": 0.25, "wer_low": 0.2, "wer_high": 0.31, "cer": 0.08, "rtf": 0.3},
    "tuned_30s": {"wer": 0.2, "wer_low": 0.15, "wer_high": 0.26, "cer": 0.06, "rtf": 0.2},
    "tuned_adaptive": {"wer": 0.19, "wer_low": 0.14, "wer_high": 0.25, "cer": 0.055, "rtf": 0.04},
    "paired": {"difference": -0.06, "low": -0.1, "high": -0.02, "p": 0.001},
}


def step_row(step: int, attempt: int = 0) -> dict:
    loss = 0.3 + math.exp(-step / 15)
    return {"kind": "step", "step": step, "epoch": step // STEPS_PER_EPOCH, "attempt": attempt, "loss": loss}


def epoch_row(epoch: int, attempt: int = 0) -> dict:
    figures = {"validation_loss": 1.2 * math.exp(-epoch / 3), "wer": 0.3 - 0.03 * epoch, "cer": 0.09 - 0.01 * epoch}
    return {"kind": "epoch", "step": epoch * STEPS_PER_EPOCH, "epoch": epoch, "attempt": attempt, **figures}


def rows_until(step: int) -> list[dict]:
    rows = [epoch_row(0)]
    for s in range(1, step + 1):
        rows += [step_row(s)] + ([epoch_row(s // STEPS_PER_EPOCH)] if s % STEPS_PER_EPOCH == 0 else [])
    return rows


def scripted_run(runs: Path, name: str, state: State, step: int = STEPS, reason: str | None = None) -> Run:
    """A run that got so far; one that is not over belongs to this very process."""
    run = create_run(TrainingConfig(base="base", corpus=["data/asterisk-ru"]), runs, name)
    for row in rows_until(step):
        run.append_metrics(row)
    alive = state in ("running", "stopping")
    pid = os.getpid() if alive else None
    started = psutil.Process().create_time() if alive else None
    progress = {"step": step, "steps": STEPS, "epoch": step // STEPS_PER_EPOCH, "heartbeat": time.time()}
    run.write_status(Status(state=state, pid=pid, pid_started=started, stage="train", reason=reason, **progress))
    if state == "finished":
        run.report_file.write_text(json.dumps(REPORT), encoding="utf-8")
    return run
