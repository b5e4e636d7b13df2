"""The HTML of the table of files. Pure functions; all text is escaped."""

import html
from collections.abc import Sequence
from typing import NamedTuple

from qal.transcription.queue import QueuedFile
from qal.transcription.store import State
from ui_components.widgets.markup import minutes, sentence_html

MAX_SHOWN = 200
EMPTY = "Files appear here with their progress. They are transcribed in the background, also when this page is closed."
STATES: dict[State, tuple[str, str]] = {  # label, class of the badge
    "waiting": ("Waiting", ""),
    "running": ("Transcribing", "on"),
    "paused": ("Paused", ""),
    "stopped": ("Stopped", ""),
    "done": ("Done", "on"),
    "failed": ("Failed", "bad"),
}
BUTTONS: dict[State, tuple[str, ...]] = {
    "waiting": ("pause", "stop"),
    "running": ("pause", "stop"),
    "paused": ("resume", "stop"),
    "stopped": ("resume", "remove"),
    "done": ("remove",),
    "failed": ("resume", "remove"),
}
LABELS = {"pause": "Pause", "resume": "Resume", "stop": "Stop", "remove": "Remove"}
RETRY = {"failed": "Try again", "stopped": "Continue"}
ALL_BUTTONS = {"pause": "Pause all", "resume": "Resume all", "stop": "Stop all"}
ALL = "all"


class FileRow(NamedTuple):
    """A file of the table."""

    file: QueuedFile
    notes: tuple[str, ...] = ()


def files_html(rows: Sequence[FileRow], opened: str | None) -> str:
    """The table: a row for each file, with the buttons that apply to its state; and those for all files."""
    if not rows:
        return f'<p class="qal-files-empty">{EMPTY}</p>'
    shown = "".join(_row_html(row, row.file.id == opened) for row in rows[:MAX_SHOWN])
    more = f'<p class="qal-muted">and {len(rows) - MAX_SHOWN:,} more</p>' if len(rows) > MAX_SHOWN else ""
    return (
        f'<div class="qal-files"><div class="top"><h2>Files</h2><p role="status">{html.escape(summary(rows))}</p>'
        f'<div class="all">{_all_buttons(rows)}</div></div><ul data-scrolls tabindex="-1">{shown}</ul>{more}</div>'
    )


def summary(rows: Sequence[FileRow]) -> str:
    """The numbers of files by state, such as "2 done, 1 failed"."""
    states = [row.file.state for row in rows]
    counts = {label.lower(): states.count(state) for state, (label, _) in STATES.items()}
    return ", ".join(f"{count:,} {label}" for label, count in counts.items() if count)


def _all_buttons(rows: Sequence[FileRow]) -> str:
    states = {row.file.state for row in rows}
    possible = {
        "pause": bool(states & {"running", "waiting"}),
        "resume": "paused" in states,
        "stop": bool(states & {"running", "waiting", "paused"}),
    }
    return "".join(_button(name, ALL, ALL_BUTTONS[name], "") for name, is_possible in possible.items() if is_possible)


def _row_html(row: FileRow, is_opened: bool) -> str:
    file = row.file
    name, key = html.escape(file.name), html.escape(file.id)
    label, css = STATES[file.state]
    in_progress = " data-in-progress" if file.state in ("running", "waiting") else ""
    current = ' aria-current="true"' if is_opened else ""
    buttons = "".join(
        _button(b, file.id, RETRY.get(file.state, LABELS[b]) if b == "resume" else LABELS[b], file.name)
        for b in BUTTONS[file.state]
    )
    return (
        f'<li class="{"opened" if is_opened else ""}"{in_progress}><div class="what">'
        f'<button type="button" class="open" data-open="{key}" title="{name}"{current}>'
        f'<bdi>{name}</bdi></button><span class="qal-badge {css}">{label}</span></div>'
        f'{_bar(file)}<p class="facts">{html.escape(" · ".join(facts(file)))}</p>{_notes(row)}'
        f'<div class="buttons">{buttons}</div></li>'
    )


def _bar(file: QueuedFile) -> str:
    if file.state in ("done", "waiting") and not file.settled_s:
        return ""
    if file.state == "done" or not file.duration_s:
        return ""
    percent = 100 * min(1.0, file.settled_s / file.duration_s)
    return (
        f'<div class="qal-bar" role="progressbar" aria-label="Progress of {html.escape(file.name)}" aria-valuemin="0" '
        f'aria-valuemax="100" aria-valuenow="{percent:.0f}"><i style="width:{percent:.1f}%"></i></div>'
    )


def facts(file: QueuedFile) -> list[str]:
    """The duration, how far the file is, the time left, and the model."""
    found = []
    if file.state == "done":
        found.append(minutes(round(file.duration_s or 0)))
    elif file.settled_s and file.duration_s:
        share = 100 * min(1.0, file.settled_s / file.duration_s)
        found += [f"{share:.0f} %", f"{minutes(file.settled_s)} of {minutes(file.duration_s)}"]
    elif file.duration_s:
        found.append(minutes(round(file.duration_s)))
    if file.state == "running":
        found.append(f"{minutes(max(1, round(file.eta_s)))} left" if file.eta_s is not None else "starting")
    return [*found, file.options.model.rstrip("/").rpartition("/")[2]]


def _notes(row: FileRow) -> str:
    items = [f"<li>{sentence_html(note)}</li>" for note in row.notes]
    if row.file.reason and row.file.state in ("failed", "stopped"):
        items.insert(0, f'<li class="reason {row.file.state}">{sentence_html(row.file.reason)}</li>')
    return f'<ul class="notes">{"".join(items)}</ul>' if items else ""


def _button(action: str, key: str, label: str, name: str) -> str:
    described = f' aria-label="{label}: {html.escape(name)}"' if name else ""
    return f'<button type="button" data-{action}="{html.escape(key)}"{described}>{label}</button>'
