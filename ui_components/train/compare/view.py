"""All runs as a table, and what sets some of them apart. Pure functions."""

import html
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qal.evaluation.report import Score, percent, percent_interval
from qal.jobs.index import Entry, Progress
from qal.jobs.metrics import is_finite_number
from ui_components.train.run.view import corpora_in_short, corpus_names

NOT_COMPARED = ("corpus_weights",)  # a folder's name is no parameter that has a value of its own
MISSING = "–"


@dataclass(frozen=True)
class Shown:
    """A run with what its rows add up to."""

    entry: Entry
    progress: Progress

    @property
    def test_score(self) -> Score | None:
        """Test results of the fine-tuned model with adaptive context; None without a report."""
        return self.entry.report.tuned_adaptive if self.entry.report else None

    @property
    def test_wer(self) -> float | None:
        return self.test_score.wer if self.test_score else None

    @property
    def rtf(self) -> float | None:
        return self.test_score.rtf if self.test_score else None

    @property
    def best_wer(self) -> float | None:
        return self.progress.best.wer if self.progress.best else None

    @property
    def cer(self) -> float | None:
        """Of the test rows, else of the best validation."""
        if self.test_score:
            return self.test_score.cer
        return self.progress.best.cer if self.progress.best else None

    @property
    def base(self) -> str:
        config = self.entry.config
        return (Path(config.base).name or config.base) if config else ""

    @property
    def corpora(self) -> str:
        return ", ".join(corpus_names(self.entry.config)) if self.entry.config else ""


Value = float | str | None


@dataclass(frozen=True)
class Column:
    title: str
    value: Callable[[Shown], Value]  # by which rows are sorted
    words: Callable[[Shown], str]  # in one line or two


def _rate(of: Callable[[Shown], float | None]) -> Callable[[Shown], str]:
    return lambda shown: MISSING if (value := of(shown)) is None else percent(value)


def _test_wer(shown: Shown) -> str:
    score = shown.test_score
    return f"{percent(score.wer)}\n({percent_interval(score.wer_low, score.wer_high)})" if score else MISSING


def _number(of: Callable[[Shown], float | None], form: str) -> Callable[[Shown], str]:
    return lambda shown: MISSING if (value := of(shown)) is None else format(value, form)


def _minutes(shown: Shown) -> float | None:
    return shown.progress.train_s / 60 or None


def _started(shown: Shown) -> str:
    return time.strftime("%Y-%m-%d\n%H:%M", time.localtime(shown.entry.created))


COLUMNS = (
    Column("state", lambda s: s.entry.status.state, lambda s: s.entry.status.state),
    Column("base", lambda s: s.base, lambda s: s.base),
    Column("corpus", lambda s: s.corpora, lambda s: corpora_in_short(s.entry.config) if s.entry.config else MISSING),
    Column("best WER", lambda s: s.best_wer, _rate(lambda s: s.best_wer)),
    Column("test WER (95 %)", lambda s: s.test_wer, _test_wer),
    Column("CER", lambda s: s.cer, _rate(lambda s: s.cer)),
    Column("RTF", lambda s: s.rtf, _number(lambda s: s.rtf, ".3f")),
    Column("minutes", _minutes, _number(_minutes, ".1f")),
    Column("user", lambda s: s.entry.status.user, lambda s: s.entry.status.user or MISSING),
    Column("started", lambda s: s.entry.created, _started),
)
RESULTS = COLUMNS[3:8]  # of them the least is the best


def table_html(runs: Sequence[Shown]) -> str:
    """A row a run. Sorting, choosing and filtering are compare.js' work; it reads data-value."""
    if not runs:
        return '<p class="qal-muted">There are no runs yet.</p>'
    columns = [column for column in COLUMNS if any(column.value(run) not in (None, "") for run in runs)]
    heads = "".join(
        f'<th scope="col" aria-sort="none"><button type="button" data-column="{name}">{name}</button></th>'
        for name in ("run", *(column.title for column in columns))
    )
    pinned_first = sorted(runs, key=lambda shown: not shown.entry.notes.pinned)
    rows = "".join(_row(shown, columns) for shown in pinned_first)
    return (
        '<div class="qal-table runs" tabindex="0" role="region" aria-label="Runs"><table><thead><tr>'
        f'<th><span class="qal-spoken">compare</span></th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(shown: Shown, columns: Sequence[Column]) -> str:
    entry, notes = shown.entry, shown.entry.notes
    name = html.escape(entry.name)
    about = f"<span>{html.escape(entry.id)}</span>" if notes.title else ""
    about += "".join(f'<span class="tag">{html.escape(tag)}</span>' for tag in notes.tags)
    about += f'<button type="button" class="edit" aria-label="notes of {name}">Notes</button>'
    pin = '<span class="qal-spoken">pinned</span>' if notes.pinned else ""
    note = f' title="{html.escape(notes.note[:200])}"' if notes.note else ""
    cells = "".join(f"<td{_sorted_by(c.value(shown))}>{html.escape(c.words(shown))}</td>" for c in columns)
    return (
        f'<tr data-run="{html.escape(entry.id)}" data-pinned="{int(notes.pinned)}"><td><button type="button" '
        f'role="checkbox" class="choose" aria-checked="false" aria-label="compare {name}"></button></td>'
        f'<th scope="row" data-value="{html.escape(entry.name.casefold())}"{note}>{pin}'
        f'<button type="button" class="open">{name}</button><div class="about">{about}</div></th>{cells}</tr>'
    )


def _sorted_by(value: Value) -> str:
    if value is None or value == "" or (isinstance(value, float) and not is_finite_number(value)):
        return ""
    return f' data-value="{html.escape(str(value).casefold())}"'


def differences_html(runs: Sequence[Shown]) -> str:
    """The parameters that differ and the results, a column a run; the best of each result is marked."""
    if len(runs) < 2:
        return ""
    names = "".join(f'<th scope="col">{html.escape(shown.entry.name)}</th>' for shown in runs)
    parameters = "".join(_parameter_row(name, values) for name, values in parameter_differences(runs).items())
    results = "".join(_result_row(column, runs) for column in RESULTS)
    parts = (("Results", results), ("Parameters that differ", parameters or _none(len(runs))))
    body = "".join(
        f'<tr class="part"><th scope="rowgroup" colspan="{len(runs) + 1}">{title}</th></tr>{rows}'
        for title, rows in parts
    )
    return (
        '<div class="qal-table compared" tabindex="0" role="region" aria-label="Differences"><table>'
        f"<thead><tr><td></td>{names}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def parameter_differences(runs: Sequence[Shown]) -> dict[str, list[str]]:
    """Dotted name -> each run's value, of the parameters that are not the same in all."""
    flat = [_flat(shown.entry.config.model_dump(mode="json")) if shown.entry.config else {} for shown in runs]
    names = dict.fromkeys(name for one in flat for name in one)
    found = {name: [_words(one[name]) if name in one else MISSING for one in flat] for name in names}
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping) and name not in NOT_COMPARED:
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(Path(v).name if isinstance(v, str) and "/" in v else str(v) for v in value) or "none"
    return "unset" if value is None else json.dumps(value) if isinstance(value, dict) else str(value)


def _parameter_row(name: str, values: Sequence[str]) -> str:
    cells = "".join(f"<td>{html.escape(value)}</td>" for value in values)
    return f'<tr><th scope="row"><code>{html.escape(name)}</code></th>{cells}</tr>'


def _result_row(column: Column, runs: Sequence[Shown]) -> str:
    values = [column.value(shown) for shown in runs]
    measured = [value for value in values if isinstance(value, (int, float)) and is_finite_number(value)]
    best = min(measured) if len(measured) > 1 and len(set(measured)) > 1 else None
    cells = "".join(
        f'<td class="best">{html.escape(column.words(shown))} <span class="mark">best</span></td>'
        if best is not None and value == best
        else f"<td>{html.escape(column.words(shown))}</td>"
        for shown, value in zip(runs, values, strict=True)
    )
    return f'<tr><th scope="row">{column.title}</th>{cells}</tr>'


def _none(runs: int) -> str:
    return f'<tr><td colspan="{runs + 1}">They have the same settings.</td></tr>'
