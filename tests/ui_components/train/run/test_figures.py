import json
from typing import Any

import plotly.graph_objects as go
import pytest

from qal.jobs.metrics import MetricsRows
from tests.run_folders import REPORT, STEPS, epoch_row, metrics_rows_until, step_row
from ui_components.train.run import machine_figures
from ui_components.train.run.charts import MACHINE, MAIN, Boards, ChartCache, boards_of
from ui_components.train.run.figures import loss_figure, rate_figure
from ui_components.train.run.traces import MAX_POINTS

MANY = 10_000


def trace(figure: go.Figure | None, name: str) -> Any:
    assert figure is not None
    return next(t for t in list[Any](figure.data) if t.name == name)


def lines(figure: go.Figure | None) -> list[Any]:
    """Those that lie across."""
    assert figure is not None
    layout: Any = figure.layout
    return list(layout.shapes)


def many_rows(steps: int = MANY) -> MetricsRows:
    rows = [epoch_row(0)]
    for step in range(1, steps + 1):
        rows += [step_row(step)] + ([epoch_row(step // 500)] if step % 500 == 0 else [])
    return rows


def names(board: str) -> list[str]:
    return [chart["name"] for chart in json.loads(board)["charts"]] if board else []


def test_every_step_is_drawn_and_the_newest_is_last():
    drawn = trace(loss_figure(metrics_rows_until(STEPS)), "each step")
    assert list(drawn.x) == list(range(1, STEPS + 1))


def test_error_rates_are_percents_and_the_starting_weights_are_a_line_across():
    figure = rate_figure(metrics_rows_until(STEPS))
    assert trace(figure, "WER").y[0] == pytest.approx(30.0)
    assert trace(figure, "CER").y[0] == pytest.approx(9.0)
    (line,) = lines(figure)
    assert line.y0 == line.y1 == pytest.approx(30.0)
    assert line.name == "base model before training: 30.0 %"


def test_the_stock_models_test_wer_is_another_line_once_it_is_reported():
    start, stock = lines(rate_figure(metrics_rows_until(STEPS), REPORT))
    assert (start.y0, stock.y0) == (pytest.approx(30.0), pytest.approx(25.0))
    assert start.line.dash != stock.line.dash


def test_no_line_is_drawn_for_what_was_not_measured():
    rows = [row for row in metrics_rows_until(STEPS) if row["step"] > 0]
    assert not lines(rate_figure(rows))
    assert not lines(rate_figure(rows, None))


def test_a_chart_without_data_is_not_drawn():
    for _, _, make in (*MAIN, *MACHINE):
        assert make([], None) is None
    only_loss = [{key: row[key] for key in ("kind", "step", "epoch", "attempt", "loss")} for row in [step_row(1)]]
    boards = boards_of("r", only_loss, None)
    assert (names(boards.main), names(boards.machine)) == (["loss"], [])
    assert boards_of("r", [], None) == Boards("", "")


def test_a_gpu_has_a_line_where_there_is_one():
    rows = metrics_rows_until(3)
    alone = machine_figures.memory_figure(rows)
    assert alone
    assert [t.name for t in list[Any](alone.data)] == ["memory"]
    figure = machine_figures.memory_figure([{**row, "gpu_memory_mb": 2500} for row in rows])
    assert trace(figure, "GPU").y[-1] == pytest.approx(2.5)
    assert figure
    assert figure.layout.showlegend  # pyright: ignore[reportAttributeAccessIssue]


def test_all_charts_of_ten_thousand_steps_are_small_enough_to_be_sent():
    boards = boards_of("r", many_rows(), REPORT)
    assert names(boards.main) == ["loss", "rates"]
    assert len(names(boards.machine)) == 6
    assert len(boards.main) + len(boards.machine) < 300_000
    for board in (boards.main, boards.machine):
        for chart in json.loads(board)["charts"]:
            assert all(len(t["x"]) <= MAX_POINTS for t in chart["figure"]["data"])


def test_what_a_model_or_a_person_wrote_is_no_markup_in_a_board():
    board = boards_of('"</script><b>', metrics_rows_until(2), None).main
    assert json.loads(board)["key"] == '"</script><b>'


def test_a_drawing_is_made_once_and_few_are_kept():
    made, drawings = [], ChartCache(kept=2)

    def get(key: int) -> Boards:
        return drawings.get(key, lambda: made.append(key) or Boards(str(key), ""))

    assert [get(key).main for key in (1, 1, 2, 1, 3, 2)] == ["1", "1", "2", "1", "3", "2"]
    assert made == [1, 2, 3, 2]
