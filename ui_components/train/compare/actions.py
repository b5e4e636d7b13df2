"""Handlers of the Compare tab: the tables and charts of runs, and the notes of users."""

import html
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from qal.jobs.index import file_stamp
from qal.jobs.notes import make_notes, write_notes
from ui_components.app.studio import Studio, unchanged
from ui_components.train.compare.figures import MAX_RUNS, NamedMetrics, comparison_charts
from ui_components.train.compare.view import RunSummary, differences_html, table_html
from ui_components.train.run.charts import board_json
from ui_components.train.run.controls import require_own_run, require_run
from ui_components.train.tab_ids import RUN_TAB

POLL_S = 2.0
TOO_MANY = f"At most {MAX_RUNS} runs can be compared; the first {MAX_RUNS} are shown."


@dataclass(frozen=True)
class SentState:
    """The content that the page has, so that nothing is sent twice."""

    table: str = ""
    comparison: Hashable = None  # key of the charts and of the table of differences


class CompareUpdate(NamedTuple):
    """Outputs of `refresh`."""

    table: Any
    charts: Any
    differences: Any
    sent: Any


class OpenedRun(NamedTuple):
    """Outputs of `open_run`: the id of the run that the Run tab shows, and the tabs with Run selected."""

    run: str
    tabs: gr.Tabs


class NotesForm(NamedTuple):
    """Outputs of `edit_notes`."""

    run: str
    heading: str
    title: str
    tags: str
    note: str
    pinned: bool
    form: gr.Column


def refresh(studio: Studio, selected: str | None, sent: SentState) -> CompareUpdate:
    """Updates the tab from the files of the runs; content that has not changed is not sent.

    Args:
        studio: the studio.
        selected: the ids of the selected runs, as a JSON list from the browser.
        sent: the content that the page has.
    """
    runs = [RunSummary(entry, studio.run_index.progress(entry.run)) for entry in studio.run_index.entries(studio.runs)]
    table = table_html(runs)
    by_id = {run.entry.id: run for run in runs}
    selected_runs = [by_id[run_id] for run_id in parse_ids(selected) if run_id in by_id]
    compared = selected_runs[:MAX_RUNS]
    comparison = tuple(map(_comparison_key, compared))
    update = unchanged(CompareUpdate)._replace(sent=SentState(table, comparison))
    if table != sent.table:
        update = update._replace(table=table)
    if comparison != sent.comparison:
        if len(selected_runs) > MAX_RUNS:
            gr.Info(TOO_MANY)
        update = update._replace(charts=_charts(studio, compared), differences=differences_html(compared))
    return update


def parse_ids(selected: str | None) -> list[str]:
    """Parses a JSON list of run ids; wrong values are ignored."""
    try:
        ids = json.loads(selected or "[]")
    except (ValueError, RecursionError):
        return []
    return [run_id for run_id in ids if isinstance(run_id, str)] if isinstance(ids, list) else []


def open_run(studio: Studio, event: gr.EventData) -> OpenedRun:
    return OpenedRun(require_run(studio, _event_run(event)).id, gr.Tabs(selected=RUN_TAB))


def edit_notes(studio: Studio, event: gr.EventData) -> NotesForm:
    """Opens the form with the notes of a run."""
    run = require_run(studio, _event_run(event))
    notes = next(entry.notes for entry in studio.run_index.entries(studio.runs) if entry.id == run.id)
    return NotesForm(
        run=run.id,
        heading=f"<h2>Notes of {html.escape(run.id)}</h2>",
        title=notes.title,
        tags=", ".join(notes.tags),
        note=notes.note,
        pinned=notes.pinned,
        form=gr.Column(visible=True),
    )


def save_notes(
    studio: Studio, run_id: str | None, title: str, tags: str, note: str, pinned: bool, request: gr.Request
) -> gr.Column:
    """Writes the notes and closes the form.

    Args:
        studio: the studio.
        run_id: the run whose notes are edited.
        title: the run's title; "" shows the id.
        tags: comma-separated.
        note: any text.
        pinned: True if the run is at the top of the table.
        request: the user's request.
    """
    run = require_own_run(studio, run_id, request)
    write_notes(run, make_notes(title, tags, note, pinned))
    return gr.Column(visible=False)


def _comparison_key(run: RunSummary) -> Hashable:
    """A key that changes with everything that a comparison shows of the run."""
    files = run.entry.run.metrics_file, run.entry.run.report_file, run.entry.run.config_file
    return run.entry.id, run.entry.name, *map(file_stamp, files)


def _charts(studio: Studio, runs: Sequence[RunSummary]) -> str:
    if not runs:
        return ""
    metrics = [NamedMetrics(r.entry.name, studio.run_index.metrics.read(r.entry.run.metrics_file).rows) for r in runs]
    return board_json(" ".join(run.entry.id for run in runs), comparison_charts(metrics))


def _event_run(event: gr.EventData) -> str | None:
    """The run id in an event of compare.js."""
    run_id = event._data.get("run") if isinstance(event._data, dict) else None
    return run_id if isinstance(run_id, str) else None
