"""A run as HTML: how far it is, why it ended, and the table of its report. Pure functions."""

import html
from statistics import median
from typing import Any

from training.config import TrainingConfig
from training.run import ENDED, Status
from ui_components.markup import minutes, sentence_html

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
MAX_WAIT = 0.25  # of a step
SILENT_S = 90  # a running job that has not written for so long is worth a word
SYSTEMS = (
    ("stock_30s", "{base} as it was, 30 s"),
    ("tuned_30s", "fine-tuned, 30 s"),
    ("tuned_adaptive", "fine-tuned, adaptive context"),
)


def progress_html(
    status: Status, config: TrainingConfig, rows: list[dict[str, Any]], stopping: bool, now: float
) -> str:
    """A badge, a bar and the facts; `now` is in seconds since 1970."""
    share = 1.0 if status.state == "finished" else status.step / status.steps if status.steps else 0.0
    facts = "".join(f"<span>{html.escape(fact)}</span>" for fact in _facts(status, config, rows, now))
    bar = (
        f'<div class="qal-bar" role="progressbar" aria-label="training" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * share:.0f}"><i style="width:{100 * share:.1f}%"></i></div>'
    )
    reason = f'<div class="qal-note problem">{sentence_html(status.reason)}</div>' if status.reason else ""
    about = html.escape(f"{config.base} on {', '.join(corpus_names(config)) or 'no corpus'}")
    return (
        f'<div class="qal-run"><div class="facts">{_badge(status, stopping)}{facts}</div>{bar}'
        f'<p class="qal-muted">{about}</p>{reason}{_faults(status, rows)}</div>'
    )


def _faults(status: Status, rows: list[dict[str, Any]]) -> str:
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


def recent(rows: list[dict[str, Any]], figure: str) -> float:
    """Median over the last steps; 0 while there are none."""
    found = [row[figure] for row in rows[-RECENT_ROWS:] if figure in row]
    return median(found) if found else 0.0


def eta_s(rows: list[dict[str, Any]], steps: int) -> float | None:
    """Seconds until the last step, at the pace of this attempt so far; None while nothing can be said."""
    attempt = rows[-1]["attempt"] if rows else None
    timed = [row for row in rows if row["attempt"] == attempt and row.get("kind") == "step"]
    if len(timed) < 2 or steps <= timed[-1]["step"]:
        return None
    done = timed[-1]["step"] - timed[0]["step"]
    return (timed[-1]["time"] - timed[0]["time"]) / done * (steps - timed[-1]["step"]) if done > 0 else None


def in_words(seconds: float) -> str:
    """Rounded so that it does not flicker: 'under a minute', '7 min', '2 h 10 min'."""
    if seconds < 60:
        return "under a minute"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60} min"


def report_html(report: dict[str, Any] | None) -> str:
    """The held-out figures of the model before and after; "" while there are none."""
    if not report:
        return ""
    having = [(key, name) for key, name in SYSTEMS if report.get(key)]
    best = min((key for key, _ in having), key=lambda key: report[key]["wer"], default=None)
    base = report.get("base_model", "stock")
    rows = "".join(_report_row(report[key], name.format(base=base), key == best) for key, name in having)
    head = "<tr><th>held-out rows</th><th>WER (95 % interval)</th><th>CER</th><th>speed (RTF)</th></tr>"
    return f'<div class="qal-table"><table>{head}{rows}</table></div>{_verdict(report.get("paired"))}{_losses(report)}'


def corpus_names(config: TrainingConfig) -> list[str]:
    return [folder.name for folder in config.corpus_folders]


def _facts(status: Status, config: TrainingConfig, rows: list[dict[str, Any]], now: float) -> list[str]:
    facts = []
    if status.steps:
        facts.append(f"step {status.step} of {status.steps}")
        facts.append(f"epoch {min(status.epoch, config.epochs)} of {config.epochs}")
    if status.state == "running" and status.stage == "train":
        left = eta_s(rows, status.steps)
        about = "" if left is None or left < 60 else "about "
        facts += [f"{about}{in_words(left)} left"] if left is not None else []
        pace = recent(rows, "utterances_per_second")
        facts += [f"{pace:.1f} utterances a second"] if pace else []
    if status.state not in ENDED and status.heartbeat and now - status.heartbeat > SILENT_S:
        facts.append(f"no sign of life for {minutes(now - status.heartbeat)} min")
    return facts


def _badge(status: Status, stopping: bool) -> str:
    if status.state in ENDED:
        return f'<span class="qal-badge{" on" if status.state == "finished" else " bad"}">{status.state}</span>'
    if stopping or status.state == "stopping":
        return '<span class="qal-badge">stopping after this step</span>'
    stage = STAGES.get(status.stage, status.stage) if status.state == "running" else STAGES["waiting"]
    return f'<span class="qal-badge on">{html.escape(stage)}</span>'


def _report_row(figures: dict[str, Any], name: str, best: bool) -> str:
    wer = f"{100 * figures['wer']:.1f} % ({100 * figures['wer_low']:.1f} – {100 * figures['wer_high']:.1f})"
    cells = (html.escape(name), wer, f"{100 * figures['cer']:.1f} %", f"{figures['rtf']:.3f}")
    return f'<tr class="{"best" if best else ""}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _losses(report: dict[str, Any]) -> str:
    """What the stock model could and the tuned one no longer can."""
    failures = (report.get("retention") or {}).get("failures", [])
    return "".join(f'<p class="qal-note problem">Lost: {html.escape(sentence)}</p>' for sentence in failures)


def _verdict(paired: dict[str, Any] | None) -> str:
    """The paired difference in words; negative is better."""
    if not paired:
        return ""
    points, low, high = (100 * paired[key] for key in ("difference", "low", "high"))
    sure = "" if low * high > 0 else " The interval holds zero, so this may be chance."
    side = "fewer" if points < 0 else "more"
    interval = f"95 % interval {low:+.1f} to {high:+.1f}, p = {paired['p']:.2g}"
    return (
        f'<p class="qal-muted">Fine-tuned with adaptive context makes {abs(points):.1f} points {side} word errors '
        f"than the model as it was ({interval}).{sure}</p>"
    )
