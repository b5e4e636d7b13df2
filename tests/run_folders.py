"""Run folders as a job would write them, without a job."""

import json
import math
import os
import time
import wave
from collections.abc import Sequence
from pathlib import Path

import psutil

from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, State, Status, create_run

STEPS, STEPS_PER_EPOCH = 40, 10
REPORT = {
    "base_model": "base",
    "stock_30s": {"wer": 0.25, "wer_low": 0.2, "wer_high": 0.31, "cer": 0.08, "rtf": 0.3},
    "tuned_30s": {"wer": 0.2, "wer_low": 0.15, "wer_high": 0.26, "cer": 0.06, "rtf": 0.2},
    "tuned_adaptive": {"wer": 0.19, "wer_low": 0.14, "wer_high": 0.25, "cer": 0.055, "rtf": 0.04},
    "paired": {"difference": -0.06, "low": -0.1, "high": -0.02, "p": 0.001},
}


def step_row(step: int, attempt: int = 0) -> dict:
    where = {"kind": "step", "step": step, "epoch": step // STEPS_PER_EPOCH, "attempt": attempt}
    return {**where, "loss": 0.3 + math.exp(-step / 15) + 0.05 * math.sin(9.7 * step), **machine_figures(step)}


def machine_figures(step: int) -> dict:
    return {
        "learning_rate": 5e-4 * min(1, step / 8) * max(0.05, 1 - step / 60),
        "grad_norm": 1.2 * math.exp(-step / 30) + 0.2 * abs(math.sin(3.1 * step)),
        "utterances_per_second": 4.2 + math.sin(step),
        "data_wait_fraction": 0.02 + 0.02 * abs(math.cos(step)),
        "memory_mb": 1800 + 4 * step,
        "disk_free_mb": 52_000 - 12 * step,
    }


def epoch_row(epoch: int, attempt: int = 0) -> dict:
    figures = {"validation_loss": 1.2 * math.exp(-epoch / 3), "wer": 0.3 - 0.03 * epoch, "cer": 0.09 - 0.01 * epoch}
    return {"kind": "epoch", "step": epoch * STEPS_PER_EPOCH, "epoch": epoch, "attempt": attempt, **figures}


def rows_until(step: int) -> list[dict]:
    rows = [epoch_row(0)]
    for s in range(1, step + 1):
        rows += [step_row(s)] + ([epoch_row(s // STEPS_PER_EPOCH)] if s % STEPS_PER_EPOCH == 0 else [])
    return rows


def samples_row(epoch: int, audio: Sequence[Path | str], attempt: int = 0) -> dict:
    """Heard better with each epoch."""
    said = ["Your account has been activated.", "Please enter your pin, then press the pound key.", "Goodbye."]
    heard = [said[0].replace("account", "a count") if epoch < 2 else said[0], said[1][: 20 + 9 * epoch], said[2]]
    rows = [
        {"audio": str(path), "text": text, "heard": words, "language": "en"}
        for path, text, words in zip(audio, said, heard, strict=False)
    ]
    return {"epoch": epoch, "step": epoch * STEPS_PER_EPOCH, "attempt": attempt, "samples": rows}


def write_tone(path: Path, seconds: float = 2.0) -> Path:
    """Something to play."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        tone = (int(3000 * math.sin(i / 8)) for i in range(int(16_000 * seconds)))
        file.writeframes(b"".join(value.to_bytes(2, "little", signed=True) for value in tone))
    return path


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
