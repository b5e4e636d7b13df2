import json
from typing import Any

import plotly.graph_objects as go
import pytest

from qal.jobs.metrics import MetricsRows
from tests.run_folders import REPORT, STEPS, epoch_row, metrics_rows_until, step_row
from ui_components.train.run import machine_figures
from ui_components.train.run.charts import MACHINE_CHARTS, MAIN_CHARTS, Boards, ChartCache, run_boards
from ui_components.train.run.figures import loss_figure, rate_figure
from ui_components.train.run.traces import MAX_POINTS

MANY_STEPS = 10_000
MAX_BOARD_CHARS = 300_000  # of all charts of a run


def trace(figure: go.Figure | None, name: str) -> Any:
    assert figure is not None
    return next(t for t in list[Any](figure.data) if t.name == name)


def horizontal_lines(figure: go.Figure | None) -> list[Any]:
    assert figure is not None
    layout: Any = figure.layout
    return list(layout.shapes)


def many_rows(steps: int = MANY_STEPS) -> MetricsRows:
    """Metrics rows with a validation after every 500 steps."""
    rows = [epoch_row(0)]
    for step in range(1, steps + 1):
        rows.append(step_row(step))
        if step % 500 == 0:
            rows.append(epoch_row(step // 500))
    return rows


def chart_names(board: str) -> list[str]:
    return [chart["name"] for chart in json.loads(board)["charts"]] if board else []


def test_loss_chart_holds_every_step_in_order():
    loss = trace(loss_figure(metrics_rows_until(STEPS)), "each step")
    assert list(loss.x) == list(range(1, STEPS + 1))


def test_error_rates_are_in_percent_with_a_line_for_the_base_model_before_training():
    figure = rate_figure(metrics_rows_until(STEPS))
    assert trace(figure, "WER").y[0] == pytest.approx(30.0)
    assert trace(figure, "CER").y[0] == pytest.approx(9.0)
    (line,) = horizontal_lines(figure)
    assert line.y0 == line.y1 == pytest.approx(30.0)
    assert line.name == "base model before training: 30.0 %"


def test_report_adds_a_line_for_the_original_model_on_the_test_set():
    before_training, original = horizontal_lines(rate_figure(metrics_rows_until(STEPS), REPORT))
    assert (before_training.y0, original.y0) == (pytest.approx(30.0), pytest.approx(25.0))
    assert before_training.line.dash != original.line.dash


def test_error_rate_that_was_not_measured_has_no_line():
    rows = [row for row in metrics_rows_until(STEPS) if row["step"] > 0]
    assert not horizontal_lines(rate_figure(rows))
    assert not horizontal_lines(rate_figure(rows, None))


def test_charts_without_data_are_left_out_of_the_boards():
    for chart_type in (*MAIN_CHARTS, *MACHINE_CHARTS):
        assert chart_type.figure([], None) is None
    only_loss = [{key: row[key] for key in ("kind", "step", "epoch", "attempt", "loss")} for row in [step_row(1)]]
    boards = run_boards("r", only_loss, None)
    assert (chart_names(boards.main), chart_names(boards.machine)) == (["loss"], [])
    assert run_boards("r", [], None) == Boards("", "")


def test_memory_chart_has_a_gpu_line_if_there_is_a_gpu():
    rows = metrics_rows_until(3)
    without_gpu = machine_figures.memory_figure(rows)
    assert without_gpu
    assert [t.name for t in list[Any](without_gpu.data)] == ["memory"]
    figure = machine_figures.memory_figure([{**row, "gpu_memory_mb": 2500} for row in rows])
    assert trace(figure, "GPU").y[-1] == pytest.approx(2.5)
    assert figure
    assert figure.layout.showlegend  # pyright: ignore[reportAttributeAccessIssue]


def test_boards_of_ten_thousand_steps_have_a_limited_size():
    boards = run_boards("r", many_rows(), REPORT)
    assert chart_names(boards.main) == ["loss", "rates"]
    assert len(chart_names(boards.machine)) == 6
    assert len(boards.main) + len(boards.machine) < MAX_BOARD_CHARS
    for board in (boards.main, boards.machine):
        for chart in json.loads(board)["charts"]:
            assert all(len(t["x"]) <= MAX_POINTS for t in chart["figure"]["data"])


def test_board_json_is_valid_for_a_key_with_markup():
    board = run_boards('"</script><b>', metrics_rows_until(2), None).main
    assert json.loads(board)["key"] == '"</script><b>'


def test_chart_cache_draws_a_key_once_and_drops_the_least_recently_used():
    drawn, cache = [], ChartCache(size=2)

    def get(key: int) -> Boards:
        return cache.get(key, lambda: drawn.append(key) or Boards(str(key), ""))

    assert [get(key).main for key in (1, 1, 2, 1, 3, 2)] == ["1", "1", "2", "1", "3", "2"]
    assert drawn == [1, 2, 3, 2]
