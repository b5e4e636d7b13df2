from typing import Any

import plotly.graph_objects as go
import pytest

from tests.run_folders import STEPS, rows_until
from ui_components.figures import MAX_POINTS, error_rate_figure, loss_figure, smoothed, thinned


def trace(figure: go.Figure, name: str) -> Any:
    return next(t for t in list[Any](figure.data) if t.name == name)


def test_every_step_is_drawn_and_the_newest_is_last():
    drawn = trace(loss_figure(rows_until(STEPS)), "each step")
    assert list(drawn.x) == list(range(1, STEPS + 1))


def test_smoothing_keeps_a_constant_and_stays_between_the_extremes():
    assert smoothed([2.0] * 50) == pytest.approx([2.0] * 50)
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert smoothed(values)[0] == pytest.approx(5.0)
    assert all(1.0 <= v <= 5.0 for v in smoothed(values))


@pytest.mark.parametrize("n", [0, 1, MAX_POINTS, MAX_POINTS + 1, 10 * MAX_POINTS + 7])
def test_thinning_is_bounded_ordered_and_ends_at_the_newest(n):
    shown = thinned(n)
    assert len(shown) <= MAX_POINTS
    assert shown == sorted(set(shown))
    assert shown[-1:] == ([n - 1] if n else [])


def test_error_rates_are_percents_and_the_starting_weights_are_a_dashed_line():
    figure = error_rate_figure(rows_until(STEPS))
    assert trace(figure, "WER").y[0] == pytest.approx(30.0)
    assert trace(figure, "CER").y[0] == pytest.approx(9.0)
    (line,) = list[Any](figure.layout.shapes)
    assert line.y0 == line.y1 == pytest.approx(30.0)
    assert line.line.dash == "dash"


def test_no_dashed_line_is_drawn_when_the_starting_weights_were_not_measured():
    rows = [row for row in rows_until(STEPS) if row["step"] > 0]
    assert not error_rate_figure(rows).layout.shapes


def test_a_run_without_rows_has_empty_charts():
    assert not trace(loss_figure([]), "each step").x
    assert not trace(error_rate_figure([]), "WER").x
