"""Problems, changes and estimate of the New run form as HTML. Pure functions."""

import html
from collections.abc import Iterable, Sequence

from qal.corpus.left_out import describe_left_out
from qal.jobs.time_estimate import BYTES_PER_MB
from qal.storage import format_bytes
from ui_components.train.new_run.checks import Problem
from ui_components.train.new_run.estimate import Estimate
from ui_components.train.new_run.form_state import settings_of_problem
from ui_components.train.new_run.settings import (
    ACCORDIONS,
    ADVANCED_ID,
    BASIC_SETTINGS,
    OPTION_GROUPS,
    SETTINGS_BY_NAME,
    accordion_id,
    accordion_of,
    label_of,
)
from ui_components.train.run.view import format_duration
from ui_components.widgets.markup import note_html, sentence_html

MAX_LISTED_SETTINGS = 6
WRONG_STYLE = " :is(input, textarea, .wrap){border-color: var(--qal-wrong) !important}"
CHANGED_STYLE = ' [data-testid="block-info"]::after, {id} label>span::after{content: " •"; color: var(--primary-600)}'


def problems_html(problems: Sequence[Problem]) -> str:
    """A list of problems, each with the label and the name of its setting; "" without problems."""
    if not problems:
        return ""
    items = "".join(f"<li>{_problem_html(problem)}</li>" for problem in problems)
    title = counted(len(problems), "problem")
    return f'<div class="qal-note problem" role="alert"><b>{title}</b><ul>{items}</ul></div>'


def _problem_html(problem: Problem) -> str:
    if not problem.setting:
        return sentence_html(problem.message)
    message = html.escape(problem.message) + ("" if problem.message.endswith(".") else ".")
    if problem.setting not in SETTINGS_BY_NAME and problem.setting not in OPTION_GROUPS:
        return sentence_html(problem.message)
    label, name = html.escape(label_of(problem.setting)), html.escape(problem.setting)
    return f"<b>{label}</b> <code>{name}</code>: {message}"


def open_points_html(problems: Sequence[Problem]) -> str:
    """The problems of settings that a user has not touched yet, as a list of things to do; "" without problems."""
    items = "".join(f"<li>{sentence_html(problem.message)}</li>" for problem in problems)
    return f'<div class="qal-note open"><b>Before you start</b><ul>{items}</ul></div>' if problems else ""


def problem_text(problem: Problem) -> str:
    """A problem as plain text, for an error message."""
    return f"{problem.setting}: {problem.message}" if problem.setting else problem.message


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 problem", "2 problems"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def highlights_html(problems: Iterable[Problem], changed: Iterable[str]) -> str:
    """A style sheet: a red border for wrong settings, a dot for changed ones, and their number in accordion titles.

    Args:
        problems: the problems of the form.
        changed: names of the settings that differ from the preset or run.
    """
    changed = list(changed)
    wrong = {name for problem in problems for name in settings_of_problem(problem) if name in SETTINGS_BY_NAME}
    rules = [f"{_selector(name)}{WRONG_STYLE}" for name in sorted(wrong)]
    rules += [f"{_selector(name)}{CHANGED_STYLE.replace('{id}', _selector(name))}" for name in sorted(changed)]
    for accordion in ACCORDIONS:
        inside = [[name for name in names if accordion_of(name) == accordion] for names in (wrong, changed)]
        rules.append(_count_rule(accordion_id(accordion), *map(len, inside)))
    inside = [[name for name in names if name not in BASIC_SETTINGS] for names in (wrong, changed)]
    rules.append(_count_rule(ADVANCED_ID, *map(len, inside)))
    return f"<style>{''.join(rules)}</style>" if any(rules) else ""


def _selector(name: str) -> str:
    return f"#{SETTINGS_BY_NAME[name].element_id}"


def _count_rule(element_id: str, wrong_count: int, changed_count: int) -> str:
    """A CSS rule that adds the number of wrong and changed settings to the title of an accordion; "" for none."""
    counts = [counted(wrong_count, "problem")] if wrong_count else []
    counts += [f"{changed_count} changed"] if changed_count else []
    if not counts:
        return ""
    colour = "; color: var(--qal-wrong)" if wrong_count else ""
    return f'#{element_id}>.label-wrap>span:first-child::after{{content: "{", ".join(counts)}"{colour}}}'


def differences_html(changed: Sequence[str], baseline_label: str) -> str:
    """The number and the names of the settings that differ from the preset or run."""
    label = html.escape(baseline_label, quote=False)
    if not changed:
        return f'<p class="qal-muted">No changes from {label}.</p>'
    names = ", ".join(f"<code>{html.escape(name)}</code>" for name in changed[:MAX_LISTED_SETTINGS])
    more = f" and {len(changed) - MAX_LISTED_SETTINGS} more" if len(changed) > MAX_LISTED_SETTINGS else ""
    return f'<p class="qal-muted">{counted(len(changed), "change")} from {label}: {names}{more}.</p>'


def estimate_html(estimate: Estimate | None, free_memory_mb: float = 0, free_disk_mb: float = 0) -> str:
    """The estimate as a list of names and values, with its basis and warnings; "" without an estimate."""
    if estimate is None:
        return ""
    examples = f"{estimate.examples:,}"
    if estimate.examples != estimate.available_examples:
        examples += f" of {estimate.available_examples:,}"
    values = {
        "Examples": examples,
        "Steps": f"{estimate.steps:,}",
        "Training": _minutes(estimate.train_minutes),
        "In all, with checks and report": _minutes(estimate.minutes),
        "Memory": _sizes(estimate.memory_mb, free_memory_mb),
        "Disk space": _sizes(estimate.disk_mb, free_disk_mb),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in values.items())
    warnings = "".join(note_html(f"{warning[:1].upper()}{warning[1:]}.", problem=True) for warning in estimate.warnings)
    left_out = describe_left_out(estimate.left_out)
    basis = html.escape(f"{left_out}. {estimate.basis}" if left_out else estimate.basis)
    return f'<dl class="qal-estimate">{items}</dl><p class="qal-muted small">{basis}</p>{warnings}'


def _minutes(minutes: float | None) -> str:
    if minutes is None:
        return "unknown"
    duration = format_duration(60 * minutes)
    return duration if minutes < 1 else f"about {duration}"


def _sizes(needed_mb: float | None, free_mb: float) -> str:
    needed = "unknown" if needed_mb is None else f"about {format_bytes(needed_mb * BYTES_PER_MB)}"
    return f"{needed} ({format_bytes(free_mb * BYTES_PER_MB)} free)"
