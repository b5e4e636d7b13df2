"""What a page shows of a run. Nothing lives in the page: it shows what the run's files say."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from qal.jobs.index import Entry, file_stamp
from qal.jobs.metrics import NO_FILE
from qal.jobs.sample_predictions import read_samples
from ui_components.app.studio import Studio
from ui_components.train.report.view import report_html
from ui_components.train.run.charts import boards_of
from ui_components.train.run.controls import Asked
from ui_components.train.run.log_view import log_html
from ui_components.train.run.samples_view import chosen_epoch, epoch_choices, samples_html
from ui_components.train.run.tensorboard import logs, tensorboard_address
from ui_components.train.run.view import corpora_in_short, progress_html
from ui_components.widgets.choices import Choices
from ui_components.widgets.markup import note_html

POLL_S = 0.5
NO_RUN = "No run yet. Choose a model, a corpus and a preset on New run, then press Start; its progress appears here."
PARTS = {  # of the page, each with how many components it has, in the order in which they are told
    "selector": 1,
    "progress": 1,
    "buttons": 8,
    "charts": 3,
    "report": 1,
    "samples": 3,
    "log": 2,
    "question": 2,
}
Key = Hashable


@dataclass(frozen=True)
class Seen:
    """What a page shows already, so that nothing is sent twice."""

    keys: Mapping[str, Key] = field(default_factory=dict)


def watch(
    studio: Studio,
    run_id: str | None,
    epoch: str | None,
    level: str | None,
    words: str | None,
    asked: Asked | None,
    seen: Seen,
) -> list[Any]:
    """The chosen run as its files are now -> what PARTS names, and what the page has seen. Only what changed is told:
    each part has a key, and is made again when the key is another."""
    entries = studio.run_index.entries(studio.runs)
    entry = next((e for e in entries if e.id == run_id), None) or default_run(entries)
    parts = _nothing() if entry is None else _parts(studio, entries, entry, epoch, level or "all", words or "", asked)
    shown: list[Any] = []
    for name, (key, make) in parts.items():
        same = name in seen.keys and seen.keys[name] == key
        shown += [gr.skip()] * PARTS[name] if same else make()
    return [*shown, Seen({name: key for name, (key, _) in parts.items()})]


def default_run(entries: Sequence[Entry]) -> Entry | None:
    """The one that is running, else one that waits, else the newest."""
    busy = next((e for e in entries if e.status.state in ("running", "stopping")), None)
    return busy or next((e for e in entries if not e.ended), entries[0] if entries else None)


def run_choices(entries: Sequence[Entry]) -> Choices:
    return [(_label(entry), entry.id) for entry in entries]


Parts = dict[str, tuple[Key, Callable[[], list[Any]]]]


def _parts(
    studio: Studio,
    entries: Sequence[Entry],
    entry: Entry,
    epoch: str | None,
    level: str,
    words: str,
    asked: Asked | None,
) -> Parts:
    run, status = entry.run, entry.status
    stamp, rows = studio.run_index.metrics.read(run.metrics_file)
    stopping = not entry.ended and (run.stop_file.exists() or status.state == "stopping")
    choices = run_choices(entries)
    progress = progress_html(status, entry.config, rows, stopping, time.time())
    drawn = (str(run.folder), stamp, file_stamp(run.report_file))
    report = report_html(entry.report)
    heard_key = (run.id, file_stamp(run.samples_file), epoch)
    log_key = (run.id, file_stamp(run.log_file), level, words)
    may = (run.id, status.state, stopping, bool(rows), logs(run))
    may_ask = asked is not None and asked.run == run.id and (entry.ended if asked.what == "delete" else stopping)
    return {
        "selector": ((tuple(choices), run.id), lambda: [gr.Dropdown(choices=choices, value=run.id, visible=True)]),
        "progress": (progress, lambda: [progress]),
        "buttons": (may, lambda: _buttons(entry, *may[2:])),
        "charts": (drawn, lambda: _charts(studio, entry, drawn)),
        "report": (report, lambda: [report]),
        "samples": (heard_key, lambda: _samples(studio, entry, epoch)),
        "log": (log_key, lambda: [log_html(run.log_file, level, words), gr.Accordion(visible=True)]),
        "question": ((asked, may_ask), lambda: [asked if may_ask else None, gr.Row(visible=may_ask)]),
    }


def _buttons(entry: Entry, stopping: bool, has_rows: bool, has_logs: bool) -> list[Any]:
    """Stop, kill, resume, use these settings, report as PNG and as HTML, TensorBoard, delete."""
    return [
        gr.Button(visible=not entry.ended, interactive=not stopping),
        gr.Button(visible=stopping),
        gr.Button(visible=entry.config is not None and entry.status.state in ("failed", "interrupted")),
        gr.Button(visible=entry.config is not None),
        gr.Button(visible=has_rows),
        gr.Button(visible=has_rows),
        gr.Button(visible=has_logs, link=tensorboard_address(entry.run)),
        gr.Button(visible=entry.ended),
    ]


def _charts(studio: Studio, entry: Entry, drawn: Key) -> list[Any]:
    """The large charts, the small ones, and what these stand in."""

    def draw():
        return boards_of(entry.id, studio.run_index.metrics.read(entry.run.metrics_file).rows, entry.report)

    boards = studio.chart_cache.get(drawn, draw)
    return [boards.main, boards.machine, gr.Accordion(visible=bool(boards.machine))]


def _samples(studio: Studio, entry: Entry, epoch: str | None) -> list[Any]:
    """The epochs, what was heard, and what both stand in."""
    heard = read_samples(entry.run.samples_file)
    value, shown = chosen_epoch(heard, epoch)

    def may_play(audio: Path) -> bool:
        inside = (folder.resolve() for folder in (studio.data, studio.runs))
        try:
            return audio.is_file() and any(audio.resolve().is_relative_to(folder) for folder in inside)
        except OSError:  # no path at all
            return False

    return [
        gr.Dropdown(choices=epoch_choices(heard), value=value),
        samples_html(shown, may_play),
        gr.Accordion(visible=bool(heard)),
    ]


def _nothing() -> Parts:
    hidden = gr.update(visible=False)
    shown = {
        "selector": [gr.Dropdown(choices=[], value=None, visible=False)],
        "progress": [note_html(NO_RUN)],
        "buttons": [hidden] * PARTS["buttons"],
        "charts": ["", "", hidden],
        "report": [""],
        "samples": [gr.skip(), "", hidden],
        "log": ["", hidden],
        "question": [None, hidden],
    }
    return {name: (NO_FILE, lambda values=values: values) for name, values in shown.items()}


def _label(entry: Entry) -> str:
    corpora = corpora_in_short(entry.config) if entry.config else "broken settings"
    return " · ".join(part for part in (entry.name, corpora, entry.status.state) if part)
