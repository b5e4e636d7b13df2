"""The HTML of the System tab: findings, interrupted runs and loaded models. Pure functions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from qal.checks.findings import STATE_LABELS, Finding, State, gigabytes, is_usable, merge_ok_packages, summary
from qal.engine.cache import CacheStatistics, LoadedEngine
from qal.engine.settings.cache_limits import CacheLimits
from qal.jobs.notes import run_name
from qal.jobs.run import Run
from ui_components.train.run.view import format_duration
from ui_components.widgets.markup import note_html, sentence_html

BADGE_CLASSES: dict[State, str] = {"ok": "on", "warning": "", "missing": "bad"}


@dataclass(frozen=True)
class InterruptedRun:
    """A run that ended before it finished."""

    id: str
    name: str  # its title, or its id
    state: str
    about: str  # base model and datasets
    step: int
    steps: int
    checkpoint_bytes: int
    reason: str = ""


def findings_html(findings: Sequence[Finding]) -> str:
    """A summary sentence, then a table of the findings by topic."""
    groups = groupby(merge_ok_packages(findings), key=lambda finding: finding.topic)
    topics = "".join(f"<tbody>{_topic(topic, list(group))}</tbody>" for topic, group in groups)
    note = note_html(summary(findings), problem=not is_usable(findings))
    return f'{note}<div class="qal-table qal-checks"><table>{topics}</table></div>'


def _topic(topic: str, findings: list[Finding]) -> str:
    head = f'<tr><th colspan="3" scope="rowgroup">{html.escape(topic)}</th></tr>'
    return head + "".join(_finding(finding) for finding in findings)


def _finding(finding: Finding) -> str:
    css_class, word = BADGE_CLASSES[finding.state], STATE_LABELS[finding.state]
    advice = f'<span class="advice">{sentence_html(finding.advice)}</span>' if finding.advice else ""
    badge = f'<span class="qal-badge {css_class} {finding.state}">{word}</span>'
    value = f"{html.escape(finding.value)}{advice}"
    return f"<tr><td>{html.escape(finding.name)}</td><td>{badge}</td><td>{value}</td></tr>"


def interrupted_runs_html(runs: Sequence[InterruptedRun]) -> str:
    if not runs:
        return '<p class="qal-muted">No run was interrupted.</p>'
    return f'<div class="qal-list">{"".join(_interrupted_run(run) for run in runs)}</div>'


def _interrupted_run(run: InterruptedRun) -> str:
    position = f"step {run.step} of {run.steps}" if run.steps else "before its first step"
    size = gigabytes(run.checkpoint_bytes)
    checkpoints = f"{size} of checkpoints" if run.checkpoint_bytes else "no checkpoint: it starts from the beginning"
    facts = " · ".join(html.escape(fact) for fact in (run.about, position, checkpoints) if fact)
    reason = f"<br>{sentence_html(run.reason)}" if run.reason else ""
    run_id, name = html.escape(run.id), html.escape(run.name)
    badge = f'<span class="qal-badge bad">{html.escape(run.state)}</span>'
    resume = (
        f'<button type="button" class="qal-small" data-resume="{run_id}" aria-label="Resume {name}">Resume</button>'
    )
    return f'<div><div class="facts"><b>{name}</b>{badge}{resume}</div><p class="qal-muted">{facts}{reason}</p></div>'


def loaded_models_html(models: Sequence[LoadedEngine]) -> str:
    """The models whose weights are in memory."""
    if not models:
        return '<p class="qal-muted">No model is loaded.</p>'
    return f'<div class="qal-list">{"".join(_loaded_model(model) for model in models)}</div>'


def _loaded_model(model: LoadedEngine) -> str:
    state = "in use" if model.in_use else f"idle for {format_duration(model.idle_s)}"
    badge = f'<span class="qal-badge{" on" if model.in_use else ""}">{state}</span>'
    window = '<span class="qal-muted">window: 30 s</span>' if model.context == "full" else ""
    memory = f'<span class="qal-muted">{model.memory_mb:,.0f} MB</span>' if model.memory_mb >= 1 else ""
    return f'<div class="facts"><b>{html.escape(model_title(model.directory))}</b>{window}{memory}{badge}</div>'


def cache_html(limits: CacheLimits, counts: CacheStatistics) -> str:
    """The limits of the models in memory, and what happened since the server started."""
    places = "1 model" if limits.max_models == 1 else f"{limits.max_models} models"
    memory = f"{limits.memory_limit_mb:,} MB" if limits.memory_limit_mb else "no memory limit"
    idle = f"unloaded after {format_duration(limits.idle_s)} unused" if limits.idle_s else "unloaded for another model"
    requests = [
        f"{counts.hits:,} requests found their model loaded",
        f"{counts.waits:,} waited for it",
        f"{counts.loads:,} loaded it" + (f" and {counts.failed_loads:,} failed to" if counts.failed_loads else ""),
    ]
    unloaded = f"unloaded: {counts.evictions:,} for another model, {counts.expirations:,} unused"
    lines = (f"At most {places}, {memory}, {idle}.", f"{', '.join(requests)}; {unloaded}.")
    return "".join(f'<p class="qal-muted">{line}</p>' for line in lines)


def model_title(directory: Path) -> str:
    """The display name of a model directory: the name of its run, or its name in the models folder or on the hub."""
    if directory.parent.name == "snapshots":  # models--Systran--faster-whisper-small/snapshots/<commit>
        return directory.parents[1].name.rpartition("--")[2]
    return run_name(Run(directory.parent)) if directory.name == "model" else directory.name
