"""The learning rate finder: a short, separate run that tries learning rates from far too low to far too high."""

import json
import re
from typing import Any, NamedTuple

import gradio as gr
import plotly.graph_objects as go
from pydantic import BaseModel, Field, ValidationError

from qal.errors import OptionError, QalError
from qal.jobs import job
from qal.jobs.log_tail import read_tail
from qal.jobs.notes import run_name
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from qal.jobs.status import ENDED
from ui_components.app.studio import Studio, current_user
from ui_components.train.new_run.run_names import suggested_name
from ui_components.train.new_run.starting import require_valid_config, show_queue_position
from ui_components.train.run.figures import AMBER, TEAL, axis_layout, base_layout
from ui_components.widgets.markup import note_html

PROGRESS_BAR = re.compile(r"find:[^\r\n]*?(\d+)/(\d+)")  # in log.txt: "find:  34%|███ | 34/100 [...]"
HEIGHT_PX = 260
MARGIN_PX = {"l": 48, "r": 12, "t": 16, "b": 44}
POLL_S = 1.0


class SearchResult(BaseModel, frozen=True):
    """Content of learning_rate.json: the loss at each learning rate, and the suggested rate."""

    suggestion: float
    learning_rate: list[float] = Field(min_length=1)
    loss: list[float] = Field(min_length=1)


class StartedSearch(NamedTuple):
    """Outputs of `start_search` and `join_search`: the id of the search's run, and the timer of its updates."""

    run: str | None
    timer: gr.Timer


class SearchUpdate(NamedTuple):
    """Outputs of `refresh_search`, or their components."""

    note: Any
    curve: Any
    use: Any
    timer: Any


def start_search(studio: Studio, request: gr.Request, *values: Any) -> StartedSearch:
    """Starts a search with the settings of the form, on one device."""
    config = search_config(require_valid_config(studio, values))
    title = suggested_name(studio, config, "learning-rate")
    run = job.start(config, studio.runs, user=current_user(request), title=title)
    show_queue_position(studio, run)
    return StartedSearch(run.id, gr.Timer(active=True))


def search_config(config: TrainingConfig) -> TrainingConfig:
    """The settings of a search: those of a run, on one device."""
    one_device = config.machine.model_copy(update={"devices": 1, "nodes": 1, "strategy": "auto"})
    return config.model_copy(update={"find_learning_rate": True, "machine": one_device})


def join_search(studio: Studio, run_id: str | None) -> StartedSearch:
    """Shows the search that the page started; on a new page, a search in progress."""
    run_id = run_id or search_in_progress(studio)
    return StartedSearch(run_id, gr.Timer(active=run_id is not None))


def search_in_progress(studio: Studio) -> str | None:
    """The id of the run of a search that has not ended."""
    for run in list_runs(studio.runs):
        try:
            if run.status().state not in ENDED and load_config(run.config_file).find_learning_rate:
                return run.id
        except (OSError, QalError):
            continue
    return None


def refresh_search(studio: Studio, run_id: str | None) -> SearchUpdate:
    """Shows the progress of the search, then its curve and a button that applies the suggested rate."""
    hidden, stopped = gr.update(visible=False), gr.Timer(active=False)
    run = _find_run(studio, run_id)
    if run is None:
        return SearchUpdate(note="", curve=hidden, use=hidden, timer=stopped)
    status = run.status()
    if status.state not in ENDED:
        return SearchUpdate(note_html(progress_sentence(run)), curve=hidden, use=hidden, timer=gr.skip())
    result = read_result(run)
    if result is None:
        note = note_html(f"No learning rate was found: {status.reason or 'the search was stopped'}", problem=True)
        return SearchUpdate(note, curve=hidden, use=hidden, timer=stopped)
    rate = round_rate(result.suggestion)
    return SearchUpdate(
        note=note_html(
            f"With these settings, the loss falls fastest at `{rate:g}`. The curve is in run `{run_name(run)}`."
        ),
        curve=gr.Plot(search_figure(result), visible=True),
        use=gr.Button(f"Use {rate:g}", visible=True),
        timer=stopped,
    )


def progress_sentence(run: Run) -> str:
    """A sentence about the progress of a search that has not ended."""
    status = run.status()
    if status.state == "queued":
        position = f" (number {status.queue_position})" if status.queue_position else ""
        return f"The search is queued{position}. Run `{run_name(run)}` starts automatically."
    steps = PROGRESS_BAR.findall(read_tail(run.log_file).text)
    if not steps:
        return f"Preparing the search. You can stop it on the Run tab (run `{run_name(run)}`)."
    done, total = steps[-1]
    return f"Trying learning rates: {done} of {total}. You can stop it on the Run tab (run `{run_name(run)}`)."


def suggested_rate(studio: Studio, run_id: str | None) -> float:
    """Returns the suggested learning rate for the form. Raises OptionError if there is none."""
    run = _find_run(studio, run_id)
    result = read_result(run) if run else None
    if result is None:
        raise OptionError("no learning rate was found; search again")
    return round_rate(result.suggestion)


def read_result(run: Run) -> SearchResult | None:
    """Reads learning_rate.json; None if it is missing or not valid."""
    try:
        content = json.loads(run.learning_rate_file.read_text(encoding="utf-8"))
        return SearchResult.model_validate(content)
    except (OSError, ValueError, ValidationError):
        return None


def round_rate(rate: float) -> float:
    """Rounds a learning rate to two significant digits, which is the accuracy of the search."""
    return float(f"{rate:.2g}")


def search_figure(result: SearchResult) -> go.Figure:
    """The loss by learning rate, with a marker at the suggested rate."""
    rates, losses = result.learning_rate, result.loss
    nearest = min(range(len(rates)), key=lambda i: abs(rates[i] - result.suggestion))
    until_lowest = losses[: losses.index(min(losses)) + 1]  # later losses are far too high for the axis
    margin = 0.15 * (max(until_lowest) - min(until_lowest)) or 0.1
    loss_range = [min(until_lowest) - margin, max(until_lowest) + margin]
    x_axis = {"title": {"text": "learning rate"}, "type": "log", "exponentformat": "power", "dtick": 1}
    figure = go.Figure(
        layout={
            **base_layout(HEIGHT_PX, MARGIN_PX),
            "showlegend": False,
            "xaxis": {**axis_layout(), **x_axis},
            "yaxis": {**axis_layout(), "title": {"text": "loss"}, "range": loss_range},
        }
    )
    figure.add_scatter(x=rates, y=losses, mode="lines", name="loss", line={"color": TEAL, "width": 2.5})
    marker = {"color": AMBER, "size": 11, "symbol": "diamond"}
    figure.add_scatter(x=[rates[nearest]], y=[losses[nearest]], mode="markers", name="suggestion", marker=marker)
    return figure


def _find_run(studio: Studio, run_id: str | None) -> Run | None:
    return next((run for run in list_runs(studio.runs) if run.id == run_id), None)
