"""Chart boards: several charts in one HTML component, drawn by charts.js from a JSON value."""

import json
import threading
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import gradio as gr
import plotly
import plotly.graph_objects as go

from qal.evaluation.report import RunReport
from qal.jobs.metrics import MetricsRows
from ui_components.train.run import figures, machine_figures
from ui_components.train.run.figures import Chart

PLOTLY_FILE = Path(plotly.__file__).resolve().parent / "package_data" / "plotly.min.js"
SCRIPT = Path(__file__).parent / "charts.js"
MAX_CACHED_RUNS = 16

FigureFunction = Callable[[MetricsRows, RunReport | None], go.Figure | None]


class ChartType(NamedTuple):
    """A chart that every run may have. `figure` returns None if there is no data for it."""

    name: str
    title: str
    figure: FigureFunction


class Boards(NamedTuple):
    """The values of a run's two chart boards; "" is a board without charts."""

    main: str
    machine: str


MAIN_CHARTS = (
    ChartType("loss", "Loss", lambda rows, _: figures.loss_figure(rows)),
    ChartType("rates", "Error rates on the validation set", figures.rates_figure),
)
MACHINE_CHARTS = (
    ChartType("learning_rate", "Learning rate", lambda rows, _: machine_figures.learning_rate_figure(rows)),
    ChartType("grad_norm", "Gradient norm", lambda rows, _: machine_figures.gradient_figure(rows)),
    ChartType("throughput", "Examples per second", lambda rows, _: machine_figures.throughput_figure(rows)),
    ChartType("data_wait", "Wait for audio, share of a step", lambda rows, _: machine_figures.data_wait_figure(rows)),
    ChartType("memory", "Memory", lambda rows, _: machine_figures.memory_figure(rows)),
    ChartType("disk", "Free disk space", lambda rows, _: machine_figures.disk_figure(rows)),
)


def chart_board(classes: str) -> gr.HTML:
    """A component for charts; its value is made by `board_json`."""
    gr.set_static_paths([PLOTLY_FILE])
    source = f"gradio_api/file={quote(str(PLOTLY_FILE))}"
    return gr.HTML(
        "",
        html_template=f'<div class="qal-charts {classes}" data-plotly="{source}"></div>',
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
    )


def board_json(key: str, charts: Sequence[Chart]) -> str:
    """The value of a chart board. The page keeps a user's zoom while `key` is the same."""
    if not charts:
        return ""
    items = (
        f'{{"name":{json.dumps(c.name)},"title":{json.dumps(c.title)},"figure":{c.figure.to_json()}}}' for c in charts
    )
    return f'{{"key":{json.dumps(key)},"charts":[{",".join(items)}]}}'


def run_boards(run_id: str, rows: MetricsRows, report: RunReport | None) -> Boards:
    """The chart boards of a run; charts without data are left out."""

    def board(chart_types: Sequence[ChartType]) -> str:
        drawn = [(chart_type, chart_type.figure(rows, report)) for chart_type in chart_types]
        return board_json(run_id, [Chart(c.name, c.title, figure) for c, figure in drawn if figure])

    return Boards(board(MAIN_CHARTS), board(MACHINE_CHARTS))


class ChartCache:
    """The boards that were used last, shared by all pages. Safe for threads."""

    def __init__(self, size: int = MAX_CACHED_RUNS):
        self._size = size
        self._lock = threading.Lock()
        self._boards: dict[Hashable, Boards] = {}

    def get(self, key: Hashable, draw: Callable[[], Boards]) -> Boards:
        """Returns the boards of a key; `draw` is called if they are not in the cache."""
        with self._lock:
            boards = self._boards.pop(key, None) or draw()
            self._boards[key] = boards
            while len(self._boards) > self._size:
                del self._boards[next(iter(self._boards))]
        return boards
