"""A run as HTML: its state, how far it is, and why it ended. Pure functions."""

import html
from statistics import median

from qal.jobs.metrics import Rows, is_figure
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import ENDED, Status
from ui_components.widgets.markup import sentence_html

STAGES = {
    "waiting": "waiting to start",
    "prepare": "preparing",
    "teach": "listening to the teacher",
    "train": "training",
    "find": "looking for a learning rate",
    "merge": "merging the weights",
    "check": "checking the conversion",
    "report": "measuring on the held-out rows",
    "retention": "measuring what was kept of other speech",
}
RECENT_ROWS = 20
MAX_NAMED = 2  # corpora, where there is little room
MAX_WAIT = 0.25  # of a step
SILENT_S = 90  # a running job that has not written for so long is worth a word


def progress_html(status: Status, config: TrainingConfig | None, rows: Rows, stopping: bool, now: float) -> str:
    """A badge, the facts, bars of the epoch and of the run, and what asks for somebody; `now`: seconds since 1970."""
    facts = "".join(f"<span>{html.escape(fact)}</span>" for fact in _facts(status, config, rows, now))
    reason = f'<div class="qal-note problem">{sentence_html(status.reason)}</div>' if status.reason else ""
    return (
        f'<div class="qal-run"><div class="facts">{_badge(status, stopping)}{facts}</div>{_bars(status, config)}'
        f'<p class="qal-muted">{_about(status, config)}</p>{reason}{_faults(status, rows)}</div>'
    )


def epoch_share(status: Status, config: TrainingConfig | None) -> float | None:
    """How much of its epoch a run that trains has done; None where there is no such thing."""
    if status.stage != "train" or status.state in ENDED or not config or not status.steps:
        return None
    steps = status.steps / config.epochs
    return min(1.0, max(0.0, status.step / steps - status.epoch))


def run_share(status: Status) -> float:
    """Of all its steps; the check and the report come after them."""
    return 1.0 if status.state == "finished" else min(1.0, status.step / status.steps) if status.steps else 0.0


def queue_words(status: Status) -> str:
    """The place of a run that waits; queue_position 1 is the next."""
    if status.queue_position is None:
        return STAGES["waiting"]
    before = status.queue_position - 1
    return f"waiting: {before} run{'s' if before > 1 else ''} before it" if before else "waiting: it is the next"


def recent(rows: Rows, figure: str) -> float:
    """Median over the last steps; 0 while there are none."""
    found = [row[figure] for row in rows[-RECENT_ROWS:] if is_figure(row.get(figure))]
    return median(found) if found else 0.0


def eta_s(rows: Rows, steps: int) -> float | None:
    """Seconds until the last step, at the pace of this attempt so far; None while nothing can be said."""
    pace = step_s(rows)
    last = next((row["step"] for row in reversed(rows) if row.get("kind") == "step"), steps)
    return pace * (steps - last) if pace is not None and last < steps else None


def step_s(rows: Rows) -> float | None:
    """Seconds a step took in this attempt, validations within it."""
    attempt = rows[-1]["attempt"] if rows else None
    timed = [row for row in rows if row["attempt"] == attempt and row.get("kind") == "step"]
    done = timed[-1]["step"] - timed[0]["step"] if timed else 0
    return (timed[-1]["time"] - timed[0]["time"]) / done if done > 0 else None


def in_words(seconds: float) -> str:
    """Rounded so that it does not flicker: 'under a minute', '7 min', '2 h 10 min'."""
    if seconds < 60:
        return "under a minute"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60} min"


def corpus_names(config: TrainingConfig) -> list[str]:
    return [folder.name for folder in config.corpus_folders]


def corpora_in_short(config: TrainingConfig) -> str:
    """'asterisk-en, asterisk-es and 3 more'"""
    names = corpus_names(config)
    told = names if len(names) <= MAX_NAMED + 1 else names[:MAX_NAMED]
    more = f" and {len(names) - len(told)} more" if len(told) < len(names) else ""
    return (", ".join(told) or "no corpus") + more


def _bars(status: Status, config: TrainingConfig | None) -> str:
    share = epoch_share(status, config)
    epoch = _bar("this epoch", share) if share is not None else ""
    return f'<div class="qal-bars">{epoch}{_bar("all steps", run_share(status))}</div>'


def _bar(name: str, share: float) -> str:
    return (
        f'<span>{name}</span><div class="qal-bar" role="progressbar" aria-label="{name}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{100 * share:.0f}"><i style="width:{100 * share:.1f}%"></i></div>'
        f"<span>{100 * share:.0f} %</span>"
    )


def _about(status: Status, config: TrainingConfig | None) -> str:
    if not config:
        return "Its config.yaml cannot be read, so that it can be neither resumed nor repeated."
    parts = [f"{config.base} on {', '.join(corpus_names(config)) or 'no corpus'}"]
    parts += [f"started by {status.user}"] if status.user else []
    return html.escape(", ".join(parts))


def _faults(status: Status, rows: Rows) -> str:
    """What asks for somebody, in red, and in one note what the run bore; docs/training-faults.md says more."""
    told = [
        f"rows left out, as their audio cannot be used: {status.skipped_rows} (skipped.jsonl in the run names them)"
    ]
    told += [f"steps skipped, as their loss or gradient was not finite: {status.skipped_steps}"]
    told += ["batches did not fit in memory and are computed in parts; the result is the same"]
    counts = (status.skipped_rows, status.skipped_steps, status.halvings)
    sentences = [sentence for sentence, count in zip(told, counts, strict=True) if count]
    if status.state == "running" and recent(rows, "data_wait_fraction") > MAX_WAIT:
        sentences.append(
            "training waits for its audio; give machine.workers more processes, or weaken the augmentation"
        )
    warning = f'<div class="qal-note problem">{sentence_html(status.warning)}</div>' if status.warning else ""
    bore = "<br>".join(map(sentence_html, sentences))
    return warning + (f'<div class="qal-note">{bore}</div>' if bore else "")


def _facts(status: Status, config: TrainingConfig | None, rows: Rows, now: float) -> list[str]:
    facts = []
    if status.steps:
        facts.append(f"step {status.step:,} of {status.steps:,}")
        facts += [f"epoch {min(status.epoch + 1, config.epochs)} of {config.epochs}"] if config else []
    if status.state == "running" and status.stage == "train":
        left, each = eta_s(rows, status.steps), step_s(rows)
        about = "" if left is None or left < 60 else "about "
        facts += [f"{about}{in_words(left)} left"] if left is not None else []
        pace = recent(rows, "utterances_per_second")
        facts += [f"{pace:.1f} utterances a second"] if pace else []
        facts += [f"{each:.2g} s a step" if each < 10 else f"{each:.0f} s a step"] if each else []
    if status.state not in ENDED and status.heartbeat and now - status.heartbeat > SILENT_S:
        facts.append(f"no sign of life for {in_words(now - status.heartbeat)}")
    return facts


def _badge(status: Status, stopping: bool) -> str:
    if status.state in ENDED:
        return f'<span class="qal-badge{" on" if status.state == "finished" else " bad"}">{status.state}</span>'
    if stopping or status.state == "stopping":
        words = "stopping after this step" if status.stage == "train" else "stopping"
        return f'<span class="qal-badge">{words}</span>'
    if status.state == "queued":
        return f'<span class="qal-badge">{queue_words(status)}</span>'
    return f'<span class="qal-badge on">{html.escape(STAGES.get(status.stage, status.stage))}</span>'
