"""What the form of a new run says about itself, as HTML. Pure functions."""

import html
from collections.abc import Iterable, Sequence

from ui_components.train.new_run.checks import Problem
from ui_components.train.new_run.estimate import Estimate
from ui_components.train.new_run.settings import BY_NAME, GROUPS, group_element, group_of, label_of, mentioned
from ui_components.train.run.view import in_words
from ui_components.widgets.markup import note_html, sentence_html

MAX_NAMED = 6  # settings in one sentence


def problems_html(problems: Sequence[Problem]) -> str:
    """A sentence each, which begins with the setting's name."""
    items = "".join(f"<li>{_problem(problem)}</li>" for problem in problems)
    title = "One thing is wrong" if len(problems) == 1 else f"{len(problems)} things are wrong"
    return f'<div class="qal-note problem" role="alert"><b>{title}</b><ul>{items}</ul></div>' if problems else ""


def _problem(problem: Problem) -> str:
    if not problem.name:
        return sentence_html(problem.sentence)
    said = html.escape(problem.sentence) + ("" if problem.sentence.endswith(".") else ".")
    return f"<b>{html.escape(label_of(problem.name))}</b> <code>{html.escape(problem.name)}</code>: {said}"


def problem_text(problem: Problem) -> str:
    """The same for a toast."""
    return f"{problem.name}: {problem.sentence}" if problem.name else problem.sentence


def marks_html(problems: Iterable[Problem], changed: Iterable[str]) -> str:
    """Marks in the form: a red edge where something is wrong, a dot where a setting differs, a count at its group."""
    wrong = {name for p in problems for name in ({p.name} if p.name in BY_NAME else mentioned(p.sentence, p.name))}
    changed = list(changed)
    rules = [*_rule(wrong, " :is(input, textarea, .wrap){border-color: var(--qal-wrong) !important}")]
    rules += _rule(
        changed, ' [data-testid="block-info"]::after, {0} label>span::after{content: " •"; color: var(--primary-600)}'
    )
    for group in GROUPS:
        own = [name for name in changed if group_of(name) == group]
        bad = [name for name in wrong if group_of(name) == group]
        said = ", ".join([f"{len(bad)} wrong"] * bool(bad) + [f"{len(own)} changed"] * bool(own))
        colour = "; color: var(--qal-wrong)" if bad else ""
        place = f"#{group_element(group)} .label-wrap>span:first-child::after"
        rules += [f'{place}{{content: "{said}"{colour}}}'] if said else []
    return f"<style>{''.join(rules)}</style>" if rules else ""


def _rule(names: Iterable[str], style: str) -> list[str]:
    return [f"#{(e := BY_NAME[name].element_id)}{style.replace('{0}', f'#{e}')}" for name in sorted(names)]


def differences_html(changed: Sequence[str], label: str) -> str:
    """How many settings differ from the preset, and which."""
    if not changed:
        return f'<p class="qal-muted">Everything is as in <b>{html.escape(label)}</b>.</p>'
    count = "1 setting differs" if len(changed) == 1 else f"{len(changed)} settings differ"
    named = ", ".join(f"<code>{html.escape(name)}</code>" for name in changed[:MAX_NAMED])
    more = f" and {len(changed) - MAX_NAMED} more" if len(changed) > MAX_NAMED else ""
    return f'<p class="qal-muted">{count} from <b>{html.escape(label)}</b>: {named}{more}.</p>'


def estimate_html(estimate: Estimate | None, free_memory_mb: float = 0, free_disk_mb: float = 0) -> str:
    if estimate is None:
        return ""
    e = estimate
    thinned = f"{e.utterances:,} of {e.offered:,}" if e.utterances != e.offered else f"{e.utterances:,}"
    facts = [("Utterances", thinned), ("Steps", f"{e.steps:,}")]
    facts += [("Training", _about(e.train_minutes)), ("With check and report", _about(e.minutes))]
    facts += [("Memory", _of_free(e.memory_mb, free_memory_mb)), ("Disk", _of_free(e.disk_mb, free_disk_mb))]
    rows = "".join(f"<div><dt>{name}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts)
    told = "".join(note_html(f"{w[:1].upper()}{w[1:]}.", problem=True) for w in e.warnings)
    return f'<dl class="qal-estimate">{rows}</dl><p class="qal-muted small">{html.escape(e.basis)}</p>{told}'


def _about(minutes: float | None) -> str:
    if minutes is None:
        return "unknown"
    words = in_words(60 * minutes)
    return words if minutes < 1 else f"about {words}"


def _of_free(needed_mb: float | None, free_mb: float) -> str:
    needed = "unknown" if needed_mb is None else f"about {needed_mb / 1000:.1f} GB"
    return f"{needed} ({free_mb / 1000:.0f} free)"
