"""Run folders with the files that a training job writes."""

import math
import os
import time
import wave
from collections.abc import Sequence
from pathlib import Path

import psutil

from qal.evaluation.report import PairedDifference, RunReport, Score, write_report
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from qal.jobs.status import State, Status

STEPS, STEPS_PER_EPOCH = 40, 10
REPORT = RunReport(
    run="scripted",
    base_model="base",
    corpus="asterisk-ru",
    corpus_version="0",
    language="ru",
    utterances=20,
    words=90,
    train_seconds=60.0,
    stock_30s=Score(wer=0.25, wer_low=0.2, wer_high=0.31, cer=0.08, rtf=0.3),
    tuned_30s=Score(wer=0.2, wer_low=0.15, wer_high=0.26, cer=0.06, rtf=0.2),
    tuned_adaptive=Score(wer=0.19, wer_low=0.14, wer_high=0.25, cer=0.055, rtf=0.04),
    paired=PairedDifference(difference=-0.06, low=-0.1, high=-0.02, p=0.001),
)


def report_with_tuned_score(**changes: float) -> RunReport:
    """REPORT with other figures of the fine-tuned model with adaptive context."""
    return REPORT.model_copy(update={"tuned_adaptive": REPORT.tuned_adaptive.model_copy(update=changes)})


def step_row(step: int, attempt: int = 0) -> dict:
    """A metrics row of a training step."""
    position = {"kind": "step", "step": step, "epoch": step // STEPS_PER_EPOCH, "attempt": attempt}
    return {**position, "loss": 0.3 + math.exp(-step / 15) + 0.05 * math.sin(9.7 * step), **step_metrics(step)}


def step_metrics(step: int) -> dict:
    """Metrics of a training step other than its loss."""
    return {
        "learning_rate": 5e-4 * min(1, step / 8) * max(0.05, 1 - step / 60),
        "grad_norm": 1.2 * math.exp(-step / 30) + 0.2 * abs(math.sin(3.1 * step)),
        "utterances_per_second": 4.2 + math.sin(step),
        "data_wait_fraction": 0.02 + 0.02 * abs(math.cos(step)),
        "memory_mb": 1800 + 4 * step,
        "disk_free_mb": 52_000 - 12 * step,
    }


def epoch_row(epoch: int, attempt: int = 0) -> dict:
    """A metrics row of a validation."""
    metrics = {"validation_loss": 1.2 * math.exp(-epoch / 3), "wer": 0.3 - 0.03 * epoch, "cer": 0.09 - 0.01 * epoch}
    return {"kind": "epoch", "step": epoch * STEPS_PER_EPOCH, "epoch": epoch, "attempt": attempt, **metrics}


def metrics_rows_until(step: int) -> list[dict]:
    """The metrics rows of all steps and epochs up to a step."""
    rows = [epoch_row(0)]
    for s in range(1, step + 1):
        rows.append(step_row(s))
        if s % STEPS_PER_EPOCH == 0:
            rows.append(epoch_row(s // STEPS_PER_EPOCH))
    return rows


def samples_row(epoch: int, audio: Sequence[Path | str], attempt: int = 0) -> dict:
    """A row of sample predictions, which get better with each epoch."""
    references = ["Your account has been activated.", "Please enter your pin, then press the pound key.", "Goodbye."]
    predictions = [
        references[0].replace("account", "a count") if epoch < 2 else references[0],
        references[1][: 20 + 9 * epoch],
        references[2],
    ]
    samples = [
        {"audio": str(path), "text": reference, "heard": prediction, "language": "en"}
        for path, reference, prediction in zip(audio, references, predictions, strict=False)
    ]
    return {"epoch": epoch, "step": epoch * STEPS_PER_EPOCH, "attempt": attempt, "samples": samples}


def write_tone(path: Path, seconds: float = 2.0) -> Path:
    """Writes a WAV file of a tone at 16 kHz and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        tone = (int(3000 * math.sin(i / 8)) for i in range(int(16_000 * seconds)))
        file.writeframes(b"".join(value.to_bytes(2, "little", signed=True) for value in tone))
    return path


def scripted_run(runs: Path, name: str, state: State, step: int = STEPS, reason: str | None = None) -> Run:
    """Writes a run of `step` steps; this process counts as the process of a run in progress."""
    run = create_run(TrainingConfig(base="base", corpus=["data/asterisk-ru"]), runs, name)
    for row in metrics_rows_until(step):
        run.append_metrics(row)
    in_progress = state in ("running", "stopping")
    pid = os.getpid() if in_progress else None
    started = psutil.Process().create_time() if in_progress else None
    progress = {"step": step, "steps": STEPS, "epoch": step // STEPS_PER_EPOCH, "heartbeat": time.time()}
    run.write_status(Status(state=state, pid=pid, pid_started=started, stage="train", reason=reason, **progress))
    if state == "finished":
        write_report(run.report_file, REPORT)
    return run
