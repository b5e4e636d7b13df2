"""The System tab as HTML: what was checked, what can be resumed, what is loaded. Pure functions."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from qal.checks.findings import Finding, gigabytes, is_usable, summarised, verdict
from qal.engine.cache import Loaded
from ui_components.train.run.view import in_words
from ui_components.widgets.markup import note_html, sentence_html

MARKS = {"ok": ("on", "ok"), "warning": ("", "look"), "missing": ("bad", "missing")}


@dataclass(frozen=True)
class Resumable:
    """A run that ended before it had finished."""

    id: str
    state: str
    about: str  # its base and corpora
    step: int
    steps: int
    checkpoints: int  # bytes
    reason: str = ""


def findings_html(findings: Sequence[Finding]) -> str:
    """The verdict, then a line each, by topic."""
    groups = groupby(summarised(findings), key=lambda f: f.topic)
    parts = "".join(f"<tbody>{_topic(topic, list(group))}</tbody>" for topic, group in groups)
    told = note_html(verdict(findings), problem=not is_usable(findings))
    return f'{told}<div class="qal-table qal-checks"><table>{parts}</table></div>'


def _topic(topic: str, findings: list[Finding]) -> str:
    head = f'<tr><th colspan="3" scope="rowgroup">{html.escape(topic)}</th></tr>'
    return head + "".join(_finding(f) for f in findings)


def _finding(f: Finding) -> str:
    kind, word = MARKS[f.state]
    advice = f'<span class="advice">{sentence_html(f.advice)}</span>' if f.advice else ""
    badge = f'<span class="qal-badge {kind} {f.state}">{word}</span>'
    return f"<tr><td>{html.escape(f.name)}</td><td>{badge}</td><td>{html.escape(f.value)}{advice}</td></tr>"


def resumable_html(runs: Sequence[Resumable]) -> str:
    if not runs:
        return '<p class="qal-muted">No run was interrupted.</p>'
    return f'<div class="qal-list">{"".join(_resumable(run) for run in runs)}</div>'


def _resumable(run: Resumable) -> str:
    at = f"step {run.step} of {run.steps}" if run.steps else "before its first step"
    kept = f"{gigabytes(run.checkpoints)} of checkpoints" if run.checkpoints else "no checkpoint: it begins anew"
    facts = " · ".join(html.escape(fact) for fact in (run.about, at, kept) if fact)
    reason = f"<br>{sentence_html(run.reason)}" if run.reason else ""
    name = html.escape(run.id)
    badge = f'<span class="qal-badge bad">{html.escape(run.state)}</span>'
    resume = f'<button type="button" class="qal-small" data-resume="{name}" aria-label="Resume {name}">Resume</button>'
    return f'<div><div class="facts"><b>{name}</b>{badge}{resume}</div><p class="qal-muted">{facts}{reason}</p></div>'


def loaded_html(loaded: Sequence[Loaded]) -> str:
    """Which weights are in memory."""
    if not loaded:
        return '<p class="qal-muted">No model is loaded.</p>'
    return f'<div class="qal-list">{"".join(_loaded(engine) for engine in loaded)}</div>'


def _loaded(engine: Loaded) -> str:
    state = "in use" if engine.in_use else f"idle for {in_words(engine.idle_s)}"
    badge = f'<span class="qal-badge{" on" if engine.in_use else ""}">{state}</span>'
    hears = '<span class="qal-muted">at 30 s</span>' if engine.context == "full" else ""
    return f'<div class="facts"><b>{html.escape(title_of(engine.directory))}</b>{hears}{badge}</div>'


def title_of(directory: Path) -> str:
    """What people call a model directory: a run's id, or the name in our cache or the hub's."""
    if directory.parent.name == "snapshots":  # models--Systran--faster-whisper-small/snapshots/<commit>
        return directory.parents[1].name.rpartition("--")[2]
    return directory.parent.name if directory.name == "model" else directory.name
