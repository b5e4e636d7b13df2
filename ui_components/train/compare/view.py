"""The table of all runs, and the table of differences between the selected ones, as HTML. Pure functions."""

import html
import json
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.jobs.metrics import is_finite_number
from qal.text.error_measure import ErrorRate
from ui_components.train.compare.run_summary import RunSummary
from ui_components.train.run.view import short_corpus_names

UNFLATTENED = ("corpus_weights",)  # a setting whose keys are folders, not names of settings
MISSING = "–"
MAX_TOOLTIP_CHARS = 200

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """A column of the table of runs."""

    title: str
    value: Callable[[RunSummary], Value]  # rows are sorted by it
    text: Callable[[RunSummary], str]  # one or two lines
    is_result: bool = False
    # of a result whose lowest value is the best: a key of the examples that it rests on
    compared_on: Callable[[RunSummary], Hashable] | None = None


def _rate_value(rate: Callable[[RunSummary], ErrorRate | None]) -> Callable[[RunSummary], float | None]:
    return lambda run: None if (found := rate(run)) is None else found.rate


def _rate_text(rate: Callable[[RunSummary], ErrorRate | None]) -> Callable[[RunSummary], str]:
    """Shows the measure, the rate and, in a second line, its interval."""
    return lambda run: MISSING if (found := rate(run)) is None else found.named_text.replace(" (", "\n(")


def _number_text(value: Callable[[RunSummary], float | None], form: str) -> Callable[[RunSummary], str]:
    return lambda run: MISSING if (number := value(run)) is None else format(number, form)


def _validation_text(run: RunSummary) -> str:
    best = run.progress.best
    if not best:
        return MISSING
    examples = f"\n{best.utterances} utterances" if best.utterances else ""
    return f"{best.error_rate.named_text}{examples}"


def _examples_text(run: RunSummary) -> str:
    report = run.entry.report
    return f"{report.utterances} utterances\n{report.words} words, {report.normaliser}" if report else MISSING


def _corpora_text(run: RunSummary) -> str:
    return short_corpus_names(run.entry.config) if run.entry.config else MISSING


def _start_text(run: RunSummary) -> str:
    return time.strftime("%Y-%m-%d\n%H:%M", time.localtime(run.entry.created))


COLUMNS = (
    Column("state", lambda run: run.state, lambda run: run.state),
    Column("base", lambda run: run.base, lambda run: run.base),
    Column("dataset", lambda run: run.corpora, _corpora_text),
    Column(
        "best validation",
        _rate_value(lambda run: run.validation_rate),
        _validation_text,
        is_result=True,
        compared_on=lambda run: run.validation_set,
    ),
    Column(
        "test (95 %)",
        _rate_value(lambda run: run.test_rate),
        _rate_text(lambda run: run.test_rate),
        is_result=True,
        compared_on=lambda run: run.test_set,
    ),
    Column(
        "test CER",
        _rate_value(lambda run: run.test_cer),
        _rate_text(lambda run: run.test_cer),
        is_result=True,
        compared_on=lambda run: run.test_set,
    ),
    Column(
        "test examples",
        lambda run: run.entry.report.utterances if run.entry.report else None,
        _examples_text,
        is_result=True,
    ),
    Column(
        "RTF",
        lambda run: run.rtf,
        _number_text(lambda run: run.rtf, ".3f"),
        is_result=True,
        compared_on=lambda run: run.test_set,
    ),
    Column(
        "minutes", lambda run: run.train_minutes, _number_text(lambda run: run.train_minutes, ".1f"), is_result=True
    ),
    Column("user", lambda run: run.entry.status.user, lambda run: run.entry.status.user or MISSING),
    Column("started", lambda run: run.entry.created, _start_text),
)


def table_html(runs: Sequence[RunSummary]) -> str:
    """The table of runs, pinned ones first. compare.js sorts it by `data-value`, filters it and selects runs."""
    if not runs:
        return '<p class="qal-muted">There are no runs yet.</p>'
    columns = [column for column in COLUMNS if any(column.value(run) not in (None, "") for run in runs)]
    heads = "".join(
        f'<th scope="col" aria-sort="none"><button type="button" data-column="{name}">{name}</button></th>'
        for name in ("run", *(column.title for column in columns))
    )
    pinned_first = sorted(runs, key=lambda run: not run.entry.notes.pinned)
    rows = "".join(_run_row(run, columns) for run in pinned_first)
    return (
        '<div class="qal-table runs" tabindex="0" role="region" aria-label="Runs"><table><thead><tr>'
        f'<th><span class="qal-screen-reader">compare</span></th>{heads}</tr></thead><tbody>{rows}</tbody>'
        "</table></div>"
    )


def _run_row(run: RunSummary, columns: Sequence[Column]) -> str:
    entry, notes = run.entry, run.entry.notes
    name = html.escape(entry.name)
    details = f"<span>{html.escape(entry.id)}</span>" if notes.title else ""
    details += "".join(f'<span class="tag">{html.escape(tag)}</span>' for tag in notes.tags)
    details += f'<button type="button" class="edit" aria-label="notes of {name}">Notes</button>'
    pin = '<span class="qal-screen-reader">pinned</span>' if notes.pinned else ""
    tooltip = f' title="{html.escape(notes.note[:MAX_TOOLTIP_CHARS])}"' if notes.note else ""
    cells = "".join(f"<td{_sort_value(c.value(run))}>{html.escape(c.text(run))}</td>" for c in columns)
    return (
        f'<tr data-run="{html.escape(entry.id)}" data-pinned="{int(notes.pinned)}"><td><button type="button" '
        f'role="checkbox" class="choose" aria-checked="false" aria-label="compare {name}"></button></td>'
        f'<th scope="row" data-value="{html.escape(entry.name.casefold())}"{tooltip}>{pin}'
        f'<button type="button" class="open">{name}</button><div class="about">{details}</div></th>{cells}</tr>'
    )


def _sort_value(value: Value) -> str:
    """The data-value attribute of a cell; "" if there is no value."""
    if value is None or value == "" or (isinstance(value, float) and not is_finite_number(value)):
        return ""
    return f' data-value="{html.escape(str(value).casefold())}"'


def differences_html(runs: Sequence[RunSummary]) -> str:
    """The results and the different settings, a column for each run; "" for less than two runs."""
    if len(runs) < 2:
        return ""
    names = "".join(f'<th scope="col">{html.escape(run.entry.name)}</th>' for run in runs)
    differences = different_settings(runs)
    settings = "".join(_setting_row(name, values) for name, values in differences.items()) or _same_settings(len(runs))
    results = "".join(_result_row(column, runs) for column in COLUMNS if column.is_result)
    results += _different_test_sets(runs)
    body = "".join(
        f'<tr class="group"><th scope="rowgroup" colspan="{len(runs) + 1}">{title}</th></tr>{rows}'
        for title, rows in (("Results", results), ("Different settings", settings))
    )
    return (
        '<div class="qal-table compared" tabindex="0" role="region" aria-label="Differences"><table>'
        f"<thead><tr><td></td>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _different_test_sets(runs: Sequence[RunSummary]) -> str:
    """A row that says why no test result is marked as the best; "" if all runs were tested on the same examples."""
    if len({run.test_set for run in runs if run.test_set}) < 2:
        return ""
    sentence = "The runs were tested on different examples or normalisers, so their test results are not compared."
    return f'<tr><td colspan="{len(runs) + 1}">{sentence}</td></tr>'


def different_settings(runs: Sequence[RunSummary]) -> dict[str, list[str]]:
    """The settings that are not the same in all runs: dotted name -> the value of each run, as text."""
    configs = [run.entry.config for run in runs]
    settings = [_flattened(config.model_dump(mode="json")) if config else {} for config in configs]
    names = dict.fromkeys(name for run_settings in settings for name in run_settings)
    values = {name: [_setting_text(s[name]) if name in s else MISSING for s in settings] for name in names}
    return {name: texts for name, texts in values.items() if len(set(texts)) > 1}


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Converts nested settings to dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and name not in UNFLATTENED:
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _setting_text(value: Any) -> str:
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(Path(v).name if isinstance(v, str) and "/" in v else str(v) for v in value) or "none"
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _setting_row(name: str, values: Sequence[str]) -> str:
    cells = "".join(f"<td>{html.escape(value)}</td>" for value in values)
    return f'<tr><th scope="row"><code>{html.escape(name)}</code></th>{cells}</tr>'


def _same_settings(run_count: int) -> str:
    return f'<tr><td colspan="{run_count + 1}">All settings are the same.</td></tr>'


def _result_row(column: Column, runs: Sequence[RunSummary]) -> str:
    """A result of each run; the lowest value is marked if it is better than another on the same examples."""
    values = [column.value(run) for run in runs]
    best = _best_value(column, runs, values)
    cells = "".join(
        f'<td class="best">{html.escape(column.text(run))} <span class="mark">best</span></td>'
        if best is not None and value == best
        else f"<td>{html.escape(column.text(run))}</td>"
        for run, value in zip(runs, values, strict=True)
    )
    return f'<tr><th scope="row">{column.title}</th>{cells}</tr>'


def _best_value(column: Column, runs: Sequence[RunSummary], values: Sequence[Value]) -> float | None:
    """The lowest value; None if values are equal, missing, or were not measured on the same examples."""
    measured = {
        run.entry.id: value
        for run, value in zip(runs, values, strict=True)
        if isinstance(value, (int, float)) and is_finite_number(value)
    }
    if column.compared_on is None or len(set(measured.values())) < 2:
        return None
    bases = {column.compared_on(run) for run in runs if run.entry.id in measured}
    return min(measured.values()) if len(bases) == 1 and None not in bases else None
