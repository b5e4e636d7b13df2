"""A run as HTML: its state, its progress, and the reason for its end. Pure functions."""

import html
import math
from collections.abc import Sequence
from statistics import median

from qal.corpus.left_out import describe_left_out
from qal.jobs.metrics import MetricsRows, is_finite_number
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.stages import StageStatus, calibration_of, find_stage, remaining_s, stage_remaining_s
from qal.jobs.status import ENDED, State, Status, run_share, was_stopped_on_request
from ui_components.widgets.markup import sentence_html

STATE_LABELS: dict[State, str] = {
    "queued": "Queued",
    "running": "Running",
    "stopping": "Stopping",
    "finished": "Finished",
    "failed": "Failed",
    "interrupted": "Stopped",
}
STAGE_LABELS = {
    "waiting": "Starting...",
    "prepare": "Preparing",
    "teach": "Transcribing with the base model",
    "train": "Training",
    "find": "Finding a learning rate",
    "validate": "Validating",
    "merge": "Merging and converting the weights",
    "check": "Checking the conversion",
    "gate": "Checking the finished model",
    "report": "Evaluating on the test set",
    "retention": "Checking for forgetting on other datasets",
    "suite": "Running the regression suite",
}
ROUNDING = 1e-9  # so that 0.29 is 29 %
RECENT_ROWS = 20
MAX_LISTED_CORPORA = 2  # in a short list
MAX_DATA_WAIT_SHARE = 0.25  # of a step; a longer wait for audio is reported
STALE_HEARTBEAT_S = 90  # an older heartbeat is reported
STALE_PROGRESS_S = 300  # a longer time without a completed unit of work is reported
UNNUMBERED = {"validate": "train"}  # stages that count as a part of another step


def progress_html(
    run_id: str, status: Status, config: TrainingConfig | None, rows: MetricsRows, stopping: bool, now: float
) -> str:
    """The state of a run, its facts, its progress bars, and notes on problems.

    Args:
        run_id: the run's id.
        status: the run's status.
        config: the run's settings; None if config.yaml cannot be read.
        rows: the run's metrics.
        stopping: True if a stop was requested and the run has not ended.
        now: the current time, in seconds since 1970.
    """
    facts = "".join(f"<span>{html.escape(fact)}</span>" for fact in _facts(status, config, rows, now))
    in_progress = "" if status.state in ENDED else f' data-in-progress="{html.escape(run_id)}"'  # poll.js reads it
    return (
        f'<div class="qal-run"{in_progress}><div class="facts">{_badge(status, stopping)}{facts}</div>'
        f"{_bars(status, config)}"
        f"{_stage_list(status)}"
        f'<p class="qal-muted">{_description(status, config)}</p>{_reason(status)}{_problems(status, rows)}</div>'
    )


def epoch_share(status: Status, config: TrainingConfig | None) -> float | None:
    """The completed share of the current epoch; None if the run is not in training."""
    if status.stage != "train" or status.state in ENDED or not config or not status.steps:
        return None
    steps_per_epoch = status.steps / config.epochs
    return min(1.0, max(0.0, status.step / steps_per_epoch - status.epoch))


def state_label(status: Status) -> str:
    """The state of a run for lists of runs, with the completed share of a run in progress: "Running 45 %"."""
    label = STATE_LABELS[status.state]
    return f"{label} {percent(run_share(status))}" if status.state in ("running", "stopping") else label


def percent(share: float) -> str:
    """Formats a share in whole percent, rounded down: 100 % means that nothing is left."""
    return f"{math.floor(100 * share + ROUNDING)} %"


def step_number(status: Status) -> str:
    """The place of the current stage among the steps of the run: "Step 3 of 7"; "" if there are no stages."""
    names = [stage.name for stage in status.stages if stage.name not in UNNUMBERED]
    current = UNNUMBERED.get(status.stage, status.stage)
    return f"Step {names.index(current) + 1} of {len(names)}" if current in names else ""


def queue_label(status: Status) -> str:
    """The place of a queued run; queue_position 1 starts next."""
    if status.queue_position is None:
        return STAGE_LABELS["waiting"]
    runs_ahead = status.queue_position - 1
    return f"Waiting: {runs_ahead} run{'s' if runs_ahead > 1 else ''} ahead" if runs_ahead else "Waiting: next in queue"


def recent_median(rows: MetricsRows, metric: str) -> float:
    """The median of a metric over the last rows; 0 if there is no value."""
    values = [row[metric] for row in rows[-RECENT_ROWS:] if is_finite_number(row.get(metric))]
    return median(values) if values else 0.0


def eta_s(rows: MetricsRows, steps: int) -> float | None:
    """Seconds until the last training step, at the pace of the last attempt; None while it is not known.

    Args:
        rows: the run's metrics.
        steps: total number of steps.
    """
    pace_s = step_s(rows)
    last_step = next((row["step"] for row in reversed(rows) if row.get("kind") == "step"), steps)
    return pace_s * (steps - last_step) if pace_s is not None and last_step < steps else None


def step_s(rows: MetricsRows) -> float | None:
    """Mean seconds per step of the last attempt, validations included; None while it is not known."""
    attempt = rows[-1]["attempt"] if rows else None
    step_rows = [row for row in rows if row["attempt"] == attempt and row.get("kind") == "step"]
    if not step_rows:
        return None
    first, last = step_rows[0], step_rows[-1]
    steps = last["step"] - first["step"]
    return (last["time"] - first["time"]) / steps if steps > 0 else None


def format_duration(seconds: float) -> str:
    """Formats a duration to the minute: "under a minute", "7 min", "2 h 10 min"."""
    if seconds < 60:
        return "under a minute"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def corpus_names(config: TrainingConfig) -> list[str]:
    """The folder names of the run's corpora."""
    return [folder.name for folder in config.corpus_folders]


def short_corpus_names(config: TrainingConfig) -> str:
    """The names of the first corpora and the number of others: "asterisk-en, asterisk-es and 3 more"."""
    names = corpus_names(config)
    listed = names if len(names) <= MAX_LISTED_CORPORA + 1 else names[:MAX_LISTED_CORPORA]
    more = f" and {len(names) - len(listed)} more" if len(listed) < len(names) else ""
    return _joined(listed) + more


def base_and_corpora(config: TrainingConfig) -> str:
    """The base model and the names of all corpora."""
    return f"{config.base} on {_joined(corpus_names(config))}"


def _joined(corpora: Sequence[str]) -> str:
    return ", ".join(corpora) or "no dataset"


def _bars(status: Status, config: TrainingConfig | None) -> str:
    """The bars of the current epoch, of the current stage and of the whole run, each with the time that is left."""
    bars, stage = [], find_stage(status.stages, status.stage)
    share = epoch_share(status, config)
    if share is not None:
        bars.append(_bar("Current epoch", share))
    if stage and status.state not in ENDED:
        seconds = stage_remaining_s(stage, calibration_of(status.stages))
        bars.append(_bar(f"{step_number(status)}: {_stage_label(stage.name)}", stage.share, seconds))
    seconds = remaining_s(status.stages) if status.state not in ENDED else None
    bars.append(_bar("Whole run", run_share(status), seconds))
    return f'<div class="qal-bars">{"".join(bars)}</div>'


def _bar(name: str, share: float, remaining: float | None = None) -> str:
    left = "" if remaining is None else f", {time_left(remaining)}"
    return (
        f'<span>{name}</span><div class="qal-bar" role="progressbar" aria-label="{name}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{math.floor(100 * share + ROUNDING)}">'
        f'<i style="width:{100 * share:.1f}%"></i></div><span>{percent(share)}{left}</span>'
    )


def time_left(seconds: float) -> str:
    """The time that is left: "about 7 min left"."""
    return f"{'' if seconds < 60 else 'about '}{format_duration(seconds)} left"


def _stage_list(status: Status) -> str:
    """All steps of a run with the completed share of each; "" for runs that recorded none."""
    stages = [stage for stage in status.stages if stage.name not in UNNUMBERED]
    items = "".join(_stage_item(stage, status) for stage in stages)
    return f'<ol class="qal-stages">{items}</ol>' if items else ""


def _stage_item(stage: StageStatus, status: Status) -> str:
    is_current = status.state not in ENDED and stage.name == UNNUMBERED.get(status.stage, status.stage)
    is_done = status.state == "finished" or stage.share == 1
    state = "done" if is_done and not is_current else "current" if is_current else "waiting"
    share = f" {percent(stage.share)}" if state != "done" and stage.share else ""
    current = ' aria-current="step"' if is_current else ""
    return f'<li class="{state}"{current}>{_stage_label(stage.name)}{share}</li>'


def _stage_label(name: str) -> str:
    return html.escape(STAGE_LABELS.get(name, name))


def _reason(status: Status) -> str:
    """Why the run ended; a stop that the user requested is no problem."""
    if not status.reason:
        return ""
    css_class = "qal-note" if was_stopped_on_request(status) else "qal-note problem"
    return f'<div class="{css_class}">{sentence_html(status.reason)}</div>'


def _description(status: Status, config: TrainingConfig | None) -> str:
    if not config:
        return "config.yaml cannot be read, so this run can be neither resumed nor used for a new run."
    user = f", started by {status.user}" if status.user else ""
    return html.escape(base_and_corpora(config) + user)


def _problems(status: Status, rows: MetricsRows) -> str:
    """The warning of the run, and a note on problems that did not end it; docs/training-faults.md explains them."""
    sentences = []
    if status.left_out:
        sentences.append(describe_left_out(status.left_out))
    if status.leakage:
        sentences.append(status.leakage)
    if status.skipped_rows:
        left_out = describe_left_out({"with unusable audio": status.skipped_rows})
        sentences.append(f"{left_out} (listed in skipped.jsonl)")
    if status.skipped_steps:
        sentences.append(f"skipped steps with a loss or gradient that is not finite: {status.skipped_steps}")
    if status.halvings:
        sentences.append("a batch did not fit into memory and is split into micro-batches; the result is the same")
    if status.state == "running" and recent_median(rows, "data_wait_fraction") > MAX_DATA_WAIT_SHARE:
        sentences.append("training waits for audio; raise machine.workers, or choose a weaker augmentation")
    warning = f'<div class="qal-note problem">{sentence_html(status.warning)}</div>' if status.warning else ""
    notes = "<br>".join(map(sentence_html, sentences))
    return warning + (f'<div class="qal-note">{notes}</div>' if notes else "")


def _facts(status: Status, config: TrainingConfig | None, rows: MetricsRows, now: float) -> list[str]:
    facts = []
    if status.steps:
        facts.append(f"step {status.step:,} of {status.steps:,}")
        if config:
            facts.append(f"epoch {min(status.epoch + 1, config.epochs)} of {config.epochs}")
    if status.state == "running" and status.stage == "train":
        facts += _pace_facts(status, rows)
    heartbeat_age_s = now - status.heartbeat
    if status.state not in ENDED and status.heartbeat and heartbeat_age_s > STALE_HEARTBEAT_S:
        facts.append(f"No update for {format_duration(heartbeat_age_s)} (still running)")
    elif status.state == "running" and status.progressed and now - status.progressed > STALE_PROGRESS_S:
        facts.append(f"No progress for {format_duration(now - status.progressed)} (the process is running)")
    return facts


def _pace_facts(status: Status, rows: MetricsRows) -> list[str]:
    """Remaining time, examples per second and seconds per step, as far as they are known."""
    facts = []
    training_s, pace_s = eta_s(rows, status.steps), step_s(rows)
    throughput = recent_median(rows, "utterances_per_second")
    if training_s is not None and not status.stages:  # otherwise the bars say it
        facts.append(time_left(training_s))
    if throughput:
        facts.append(f"{throughput:.1f} examples per second")
    if pace_s:
        facts.append(f"{pace_s:.2g} s per step" if pace_s < 10 else f"{pace_s:.0f} s per step")
    return facts


def _badge(status: Status, stopping: bool) -> str:
    if status.state in ENDED:
        colour = {"finished": " on", "failed": " bad"}.get(status.state, "")
        return f'<span class="qal-badge{colour}">{STATE_LABELS[status.state]}</span>'
    if stopping or status.state == "stopping":
        label = "Stopping after this step..." if status.stage == "train" else "Stopping..."
        return f'<span class="qal-badge">{label}</span>'
    if status.state == "queued":
        return f'<span class="qal-badge">{queue_label(status)}</span>'
    return f'<span class="qal-badge on">{_stage_label(status.stage)}</span>'
