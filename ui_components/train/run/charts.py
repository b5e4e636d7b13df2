"""A board of charts in the page (charts.js draws them), and what it is sent."""

import json
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import plotly
import plotly.graph_objects as go

from qal.evaluation.report import RunReport
from qal.jobs.metrics import MetricsRows
from ui_components.train.run import figures, machine_figures

PLOTLY = Path(plotly.__file__).resolve().parent / "package_data" / "plotly.min.js"
SCRIPT = Path(__file__).parent / "charts.js"
Report = RunReport | None
Maker = Callable[[MetricsRows, Report], go.Figure | None]
MAIN: Sequence[tuple[str, str, Maker]] = (
    ("loss", "Loss", lambda rows, _: figures.loss_figure(rows)),
    ("rates", "Error rates on the validation rows", figures.rate_figure),
)
MACHINE: Sequence[tuple[str, str, Maker]] = (
    ("learning_rate", "Learning rate", lambda rows, _: machine_figures.learning_rate_figure(rows)),
    ("grad_norm", "Gradient norm", lambda rows, _: machine_figures.gradient_figure(rows)),
    ("throughput", "Utterances a second", lambda rows, _: machine_figures.throughput_figure(rows)),
    ("data_wait", "Waiting for audio, share of a step", lambda rows, _: machine_figures.data_wait_figure(rows)),
    ("memory", "Memory", lambda rows, _: machine_figures.memory_figure(rows)),
    ("disk", "Free disk", lambda rows, _: machine_figures.disk_figure(rows)),
)
KEPT = 16  # boards, so that several pages that watch one run draw it once


@dataclass(frozen=True)
class Chart:
    """A figure with its place on a board."""

    name: str
    title: str
    figure: go.Figure


@dataclass(frozen=True)
class Boards:
    """Of one run, as charts.js takes them; "" has no charts."""

    main: str
    machine: str


def chart_board(classes: str) -> gr.HTML:
    """A place for charts. Its value is what board_json gives; it draws into what is there, so that a zoom stays."""
    gr.set_static_paths([PLOTLY])
    source = f"gradio_api/file={quote(str(PLOTLY))}"
    return gr.HTML(
        "",
        html_template=f'<div class="qal-charts {classes}" data-plotly="{source}"></div>',
        js_on_load=SCRIPT.read_text(encoding="utf-8"),
        apply_default_css=False,
    )


def board_json(key: str, charts: Sequence[Chart]) -> str:
    """`key`: a zoom stays while it stays the same."""
    parts = (
        f'{{"name":{json.dumps(c.name)},"title":{json.dumps(c.title)},"figure":{c.figure.to_json()}}}' for c in charts
    )
    return f'{{"key":{json.dumps(key)},"charts":[{",".join(parts)}]}}' if charts else ""


def boards_of(run_id: str, rows: MetricsRows, report: Report) -> Boards:
    """A chart that has no data is on no board."""

    def drawn(makers: Sequence[tuple[str, str, Maker]]) -> str:
        found = [(name, title, make(rows, report)) for name, title, make in makers]
        return board_json(run_id, [Chart(name, title, figure) for name, title, figure in found if figure])

    return Boards(drawn(MAIN), drawn(MACHINE))


class ChartCache:
    """The boards that were drawn last, shared by all pages."""

    def __init__(self, kept: int = KEPT):
        self._kept, self._lock = kept, threading.Lock()
        self._boards: dict[Hashable, Boards] = {}

    def get(self, key: Hashable, draw: Callable[[], Boards]) -> Boards:
        with self._lock:
            found = self._boards.pop(key, None) or draw()
            self._boards[key] = found
            while len(self._boards) > self._kept:
                del self._boards[next(iter(self._boards))]
        return found
