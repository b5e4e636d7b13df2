"""Find a learning rate: a short run of its own that tries rates from far too low to far too high."""

import json
import re
from typing import Any

import gradio as gr
import plotly.graph_objects as go

from qal.errors import OptionError, QalError
from qal.jobs import job
from qal.jobs.log_tail import read_tail
from qal.jobs.options.yaml_file import load_config
from qal.jobs.run import Run, list_runs
from qal.jobs.status import ENDED
from ui_components.app.studio import Studio, current_user
from ui_components.train.new_run.actions import right_config, tell_place
from ui_components.train.run.figures import AMBER, GRID, INK, TEAL
from ui_components.widgets.markup import note_html

BAR = re.compile(r"find:[^\r\n]*?(\d+)/(\d+)")
HEIGHT = 260  # pixels
POLL_S = 1.0


def find(studio: Studio, request: gr.Request, *held: Any) -> tuple[str, gr.Timer]:
    """Starts the search with the form's settings -> (its run's id, a timer that follows it)."""
    config = right_config(studio, held)
    alone = config.machine.model_copy(update={"devices": 1, "nodes": 1, "strategy": "auto"})
    config = config.model_copy(update={"find_learning_rate": True, "machine": alone})
    run = job.start(config, studio.runs, user=current_user(request))
    tell_place(studio, run)
    return run.id, gr.Timer(active=True)


def resume(studio: Studio, run_id: str | None) -> tuple[str | None, gr.Timer]:
    """A page that is opened anew follows the search that is under way -> (its run's id, the timer)."""
    run_id = run_id or searching(studio)
    return run_id, gr.Timer(active=run_id is not None)


def searching(studio: Studio) -> str | None:
    """The search that is under way."""
    for run in list_runs(studio.runs):
        try:
            if run.status().state not in ENDED and load_config(run.config_file).find_learning_rate:
                return run.id
        except (OSError, QalError):
            continue
    return None


def follow(studio: Studio, run_id: str | None) -> tuple[Any, Any, Any, Any]:
    """How far the search is -> (what is said, curve, button that takes the rate, timer)."""
    hidden, over = gr.update(visible=False), gr.Timer(active=False)
    run = next((r for r in list_runs(studio.runs) if r.id == run_id), None)
    if run is None:
        return "", hidden, hidden, over
    status = run.status()
    if status.state not in ENDED:
        return note_html(how_far(run)), hidden, hidden, gr.skip()
    found = found_rate(run)
    if found is None:
        reason = status.reason or "it was stopped"
        return note_html(f"No learning rate was found: {reason}", problem=True), hidden, hidden, over
    rate = rounded(found["suggestion"])
    said = f"The loss falls fastest at `{rate:g}`, with these settings. The run `{run.id}` keeps the curve."
    return note_html(said), gr.Plot(rate_figure(found), visible=True), gr.Button(f"Use {rate:g}", visible=True), over


def how_far(run: Run) -> str:
    """A sentence, until the search is over."""
    status = run.status()
    if status.state == "queued":
        place = f" as number {status.queue_position}" if status.queue_position else ""
        return f"The search waits for the device{place}. The run `{run.id}` starts by itself."
    tried = BAR.findall(read_tail(run.log_file)[0])
    if not tried:
        return f"Preparing the search for a learning rate. The tab Run stops it (`{run.id}`)."
    done, of = tried[-1]
    return f"Trying learning rates: {done} of {of}. The tab Run stops it (`{run.id}`)."


def take(studio: Studio, run_id: str | None) -> float:
    """The rate that was found, for the form."""
    run = next((r for r in list_runs(studio.runs) if r.id == run_id), None)
    found = found_rate(run) if run else None
    if found is None:
        raise OptionError("no learning rate was found; search again")
    return rounded(found["suggestion"])


def found_rate(run: Run) -> dict[str, Any] | None:
    """learning_rate.json; None while it is not there, or where it cannot be read."""
    try:
        found = json.loads(run.learning_rate_file.read_text(encoding="utf-8"))
        rate_figure(found)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def rounded(rate: float) -> float:
    """To two digits: the search knows no more."""
    return float(f"{rate:.2g}")


def rate_figure(found: dict[str, Any]) -> go.Figure:
    """Loss against learning rate, the suggestion marked."""
    rates, losses, best = found["learning_rate"], found["loss"], float(found["suggestion"])
    nearest = min(range(len(rates)), key=lambda i: abs(rates[i] - best))
    before = losses[: losses.index(min(losses)) + 1]  # what comes after grows beyond all measure
    room = 0.15 * (max(before) - min(before)) or 0.1
    axis = {"gridcolor": GRID, "zerolinecolor": GRID, "linecolor": GRID, "automargin": True}
    figure = go.Figure(
        layout={
            "template": "none",
            "height": HEIGHT,
            "margin": {"l": 48, "r": 12, "t": 16, "b": 44},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": INK, "size": 12, "family": "system-ui, sans-serif"},
            "showlegend": False,
            "xaxis": {**axis, "title": {"text": "learning rate"}, "type": "log", "exponentformat": "power", "dtick": 1},
            "yaxis": {**axis, "title": {"text": "loss"}, "range": [min(before) - room, max(before) + room]},
        }
    )
    figure.add_scatter(x=rates, y=losses, mode="lines", name="loss", line={"color": TEAL, "width": 2.5})
    marker = {"color": AMBER, "size": 11, "symbol": "diamond"}
    figure.add_scatter(x=[rates[nearest]], y=[losses[nearest]], mode="markers", name="suggestion", marker=marker)
    return figure
