"""What happens while runs are compared, and what people write about them."""

import html
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qal.jobs.index import file_stamp
from qal.jobs.notes import make_notes, write_notes
from ui_components.app.studio import Studio
from ui_components.train.compare.figures import MAX_RUNS, Compared, compared_charts
from ui_components.train.compare.view import Shown, differences_html, table_html
from ui_components.train.new_run.actions import RUN
from ui_components.train.run.charts import board_json
from ui_components.train.run.controls import find

POLL_S = 2.0
TOO_MANY = f"At most {MAX_RUNS} runs can be compared; the first {MAX_RUNS} are shown."


@dataclass(frozen=True)
class Seen:
    """What a page shows already."""

    table: str = ""
    compared: Hashable = None


def refresh(studio: Studio, ticked: str | None, seen: Seen) -> list[Any]:
    """The runs as their files are now -> (table, charts, differences, seen); what is the same is not sent again.

    `ticked`: ids, as the browser says them in JSON."""
    runs = [Shown(entry, studio.run_index.progress(entry.run)) for entry in studio.run_index.entries(studio.runs)]
    table = table_html(runs)
    by_id = {shown.entry.id: shown for shown in runs}
    wanted = [by_id[run_id] for run_id in ids_of(ticked) if run_id in by_id]
    compared = wanted[:MAX_RUNS]
    if len(wanted) > MAX_RUNS and tuple(map(_key, compared)) != seen.compared:
        gr.Info(TOO_MANY)
    now = Seen(table, tuple(map(_key, compared)))
    charts = [gr.skip(), gr.skip()] if now.compared == seen.compared else _compare(studio, compared)
    return [gr.skip() if table == seen.table else table, *charts, now]


def ids_of(ticked: str | None) -> list[str]:
    try:
        found = json.loads(ticked or "[]")
    except (ValueError, RecursionError):
        return []
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def open_run(studio: Studio, event: gr.EventData) -> list[Any]:
    """-> (the run that is watched, the tabs with it opened)"""
    return [find(studio, _run_of(event)).id, gr.Tabs(selected=RUN)]


def edit(studio: Studio, event: gr.EventData) -> list[Any]:
    """-> (the run whose notes are edited, heading, title, tags, note, pinned, the form)"""
    run = find(studio, _run_of(event))
    notes = next(entry.notes for entry in studio.run_index.entries(studio.runs) if entry.id == run.id)
    heading, tags = f"<h2>Notes of {html.escape(run.id)}</h2>", ", ".join(notes.tags)
    return [run.id, heading, notes.title, tags, notes.note, notes.pinned, gr.Column(visible=True)]


def save(
    studio: Studio, run_id: str | None, title: str, tags: str, note: str, pinned: bool, request: gr.Request
) -> gr.Column:
    """Keeps the notes, and closes the form."""
    run = find(studio, run_id)
    studio.require_run_owner(run, request)
    write_notes(run, make_notes(title, tags, note, pinned))
    return gr.Column(visible=False)


def _key(shown: Shown) -> Hashable:
    """What the comparison shows of it."""
    entry = shown.entry
    files = entry.run.metrics_file, entry.run.report_file, entry.run.config_file
    return entry.id, entry.name, *map(file_stamp, files)


def _compare(studio: Studio, runs: Sequence[Shown]) -> list[Any]:
    rows = [Compared(s.entry.name, studio.run_index.metrics.read(s.entry.run.metrics_file).rows) for s in runs]
    key = " ".join(s.entry.id for s in runs)
    return [board_json(key, compared_charts(rows)) if runs else "", differences_html(runs)]


def _run_of(event: gr.EventData) -> str | None:
    wanted = event._data.get("run") if isinstance(event._data, dict) else None
    return wanted if isinstance(wanted, str) else None
