"""Update of the Run tab from the files of a run. The page keeps no state of the run itself."""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from qal.jobs.index import Entry, file_stamp
from qal.jobs.job import was_refused_by_gate
from qal.jobs.metrics import NO_FILE
from qal.jobs.sample_predictions import read_samples
from ui_components.app.studio import Studio, unchanged
from ui_components.train.report.view import report_html, unreadable_report_html
from ui_components.train.run.charts import run_boards
from ui_components.train.run.controls import PendingAction
from ui_components.train.run.log_view import log_html
from ui_components.train.run.model_actions import ModelButtons, has_usable_model, model_buttons
from ui_components.train.run.samples_view import epoch_choices, samples_html, select_epoch
from ui_components.train.run.tensorboard import has_tensorboard_logs, tensorboard_address
from ui_components.train.run.view import progress_html, short_corpus_names, state_label
from ui_components.widgets.choices import Choices
from ui_components.widgets.markup import note_html

# Shown until the first update of a new run:
# Shown until the first update of a new run:
STARTING = (
    '<div class="qal-run" data-in-progress><div class="facts"><span class="qal-badge">Starting...</span></div></div>'
)
NO_RUN = "No run yet. Choose a model, a dataset and a preset on New run, then press Start; the progress appears here."


class RunButtons(NamedTuple):
    """The run's buttons or their updates; RunUpdate has the same field names."""

    stop: Any
    kill: Any
    resume: Any
    despite_gate: Any
    new_run: Any
    report_png: Any
    report_html: Any
    tensorboard: Any
    delete: Any


class RunUpdate(NamedTuple):
    """Outputs of `refresh`: a value for each component of the tab and for two of its states."""

    selector: Any
    progress: Any
    stop: Any
    kill: Any
    resume: Any
    despite_gate: Any
    new_run: Any
    report_png: Any
    report_html: Any
    tensorboard: Any
    delete: Any
    caption: Any
    transcribe: Any
    evaluate: Any
    download: Any
    rename: Any
    charts: Any
    machine_charts: Any
    machine_accordion: Any
    report: Any
    epoch: Any
    samples: Any
    samples_accordion: Any
    log: Any
    log_accordion: Any
    pending: Any
    question_row: Any
    sent: Any


@dataclass(frozen=True)
class SentState:
    """The keys of the sections as the page has them, so that nothing is sent twice."""

    keys: Mapping[str, Hashable] = field(default_factory=dict)


@dataclass(frozen=True)
class PageInputs:
    """The user's choices on the tab."""

    epoch: str | None  # of the samples
    level: str  # of the log
    query: str  # of the log
    pending: PendingAction | None


class Section(NamedTuple):
    """Outputs that change together. `build` returns them by field of RunUpdate; it is called if the key changed."""

    key: Hashable
    build: Callable[[], dict[str, Any]]


def refresh(
    studio: Studio,
    run_id: str | None,
    epoch: str | None,
    level: str | None,
    query: str | None,
    pending: PendingAction | None,
    sent: SentState,
) -> RunUpdate:
    """Updates the tab from the run's files; sections that have not changed are not sent.

    Args:
        studio: the studio.
        run_id: the chosen run; None: the default run.
        epoch: the epoch of the samples.
        level: the minimum level of the log records.
        query: text that a log record must contain.
        pending: the action that waits for a confirmation.
        sent: the keys that the last update returned.
    """
    entries = studio.run_index.entries(studio.runs)
    entry = next((e for e in entries if e.id == run_id), None) or default_run(entries)
    inputs = PageInputs(epoch, level or "all", query or "", pending)
    sections = _empty_sections() if entry is None else _run_sections(studio, entries, entry, inputs)
    changes: dict[str, Any] = {}
    for name, section in sections.items():
        if name not in sent.keys or sent.keys[name] != section.key:
            changes |= section.build()
    keys = {name: section.key for name, section in sections.items()}
    return unchanged(RunUpdate)._replace(**changes, sent=SentState(keys))


def default_run(entries: Sequence[Entry]) -> Entry | None:
    """The run in progress, else a queued run, else the newest."""
    in_progress = next((e for e in entries if e.status.state in ("running", "stopping")), None)
    return in_progress or next((e for e in entries if not e.ended), entries[0] if entries else None)


def run_choices(entries: Sequence[Entry]) -> Choices:
    return [(_run_label(entry), entry.id) for entry in entries]


def _run_label(entry: Entry) -> str:
    corpora = short_corpus_names(entry.config) if entry.config else "settings unreadable"
    return " · ".join(text for text in (entry.name, corpora, state_label(entry.status)) if text)


def _run_sections(studio: Studio, entries: Sequence[Entry], entry: Entry, inputs: PageInputs) -> dict[str, Section]:
    run, status = entry.run, entry.status
    metrics_stamp, rows = studio.run_index.metrics.read(run.metrics_file)
    stopping = not entry.ended and (run.stop_file.exists() or status.state == "stopping")
    choices = run_choices(entries)
    progress = progress_html(run.id, status, entry.config, rows, stopping, time.time())
    is_unreadable = entry.report is None and run.report_file.exists()
    report = unreadable_report_html() if is_unreadable else report_html(entry.report)
    chart_key = (str(run.folder), metrics_stamp, file_stamp(run.report_file))
    log_key = (run.id, file_stamp(run.log_file), inputs.level, inputs.query)
    button_key = (run.id, status.state, stopping, bool(rows), has_tensorboard_logs(run), has_usable_model(entry))
    pending = inputs.pending if _is_possible(inputs.pending, entry, stopping) else None
    return {
        "selector": Section((tuple(choices), run.id), lambda: {"selector": _selector(choices, run.id)}),
        "progress": Section(progress, lambda: {"progress": progress}),
        "buttons": Section(button_key, lambda: _all_buttons(entry, stopping, bool(rows))),
        "charts": Section(chart_key, lambda: _charts(studio, entry, chart_key)),
        "report": Section(report, lambda: {"report": report}),
        "samples": Section(
            (run.id, file_stamp(run.samples_file), inputs.epoch), lambda: _samples(studio, entry, inputs.epoch)
        ),
        "log": Section(log_key, lambda: _log(entry, inputs)),
        "question": Section((inputs.pending, pending), lambda: _question(pending)),
    }


def _empty_sections() -> dict[str, Section]:
    """The sections of a studio without runs."""
    hidden = gr.update(visible=False)
    updates = {
        "selector": {"selector": gr.Dropdown(choices=[], value=None, visible=False)},
        "progress": {"progress": note_html(NO_RUN)},
        "buttons": dict.fromkeys((*RunButtons._fields, *ModelButtons._fields), hidden),
        "charts": {"charts": "", "machine_charts": "", "machine_accordion": hidden},
        "report": {"report": ""},
        "samples": {"samples": "", "samples_accordion": hidden},
        "log": {"log": "", "log_accordion": hidden},
        "question": {"pending": None, "question_row": hidden},
    }
    return {name: Section(NO_FILE, lambda values=values: values) for name, values in updates.items()}


def _is_possible(pending: PendingAction | None, entry: Entry, stopping: bool) -> bool:
    """True if a pending action of the run can still be carried out."""
    if pending is None or pending.run_id != entry.id:
        return False
    return entry.ended if pending.action == "delete" else stopping


def _selector(choices: Choices, run_id: str) -> gr.Dropdown:
    return gr.Dropdown(choices=choices, value=run_id, visible=True)


def _all_buttons(entry: Entry, stopping: bool, has_metrics: bool) -> dict[str, Any]:
    return _buttons(entry, stopping, has_metrics)._asdict() | model_buttons(entry)._asdict()


def _buttons(entry: Entry, stopping: bool, has_metrics: bool) -> RunButtons:
    can_resume = entry.config is not None and entry.status.state in ("failed", "interrupted")
    return RunButtons(
        stop=gr.Button(visible=not entry.ended, interactive=not stopping),
        kill=gr.Button(visible=stopping),
        resume=gr.Button(visible=can_resume),
        despite_gate=gr.Button(visible=was_refused_by_gate(entry.status)),
        new_run=gr.Button(visible=entry.config is not None),
        report_png=gr.Button(visible=has_metrics),
        report_html=gr.Button(visible=has_metrics),
        tensorboard=gr.Button(visible=has_tensorboard_logs(entry.run), link=tensorboard_address(entry.run)),
        delete=gr.Button(visible=entry.ended),
    )


def _charts(studio: Studio, entry: Entry, key: Hashable) -> dict[str, Any]:
    def draw():
        return run_boards(entry.id, studio.run_index.metrics.read(entry.run.metrics_file).rows, entry.report)

    boards = studio.chart_cache.get(key, draw)
    return {
        "charts": boards.main,
        "machine_charts": boards.machine,
        "machine_accordion": gr.Accordion(visible=bool(boards.machine)),
    }


def _samples(studio: Studio, entry: Entry, epoch: str | None) -> dict[str, Any]:
    validations = read_samples(entry.run.samples_file)
    selection = select_epoch(validations, epoch)
    return {
        "epoch": gr.Dropdown(choices=epoch_choices(validations), value=selection.value),
        "samples": samples_html(selection.samples, lambda audio: is_served(studio, audio)),
        "samples_accordion": gr.Accordion(visible=bool(validations)),
    }


def is_served(studio: Studio, audio: Path) -> bool:
    """True if the server may send the file: it exists inside the data or runs folder."""
    folders = [folder.resolve() for folder in (studio.data, studio.runs)]
    try:
        return audio.is_file() and any(audio.resolve().is_relative_to(folder) for folder in folders)
    except OSError:  # for example, the name is too long
        return False


def _log(entry: Entry, inputs: PageInputs) -> dict[str, Any]:
    log = log_html(entry.run.log_file, inputs.level, inputs.query)
    return {"log": log, "log_accordion": gr.Accordion(visible=True)}


def _question(pending: PendingAction | None) -> dict[str, Any]:
    return {"pending": pending, "question_row": gr.Row(visible=pending is not None)}
