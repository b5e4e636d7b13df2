import numpy as np
import pytest

from ui_components.train.run.traces import MAX_POINTS, column, rounded, smoothed, thinned

LENGTHS = [0, 1, 2, MAX_POINTS - 1, MAX_POINTS, MAX_POINTS + 1, 2 * MAX_POINTS + 3, 10_000, 123_457]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("limit", [40, MAX_POINTS])
def test_thinned_points_keep_the_ends_and_the_extremes(n, limit):
    y = np.random.default_rng(n).normal(size=n)
    kept = thinned(y, limit)
    assert len(kept) <= max(limit, 0)
    assert (np.diff(kept) > 0).all()
    if n:
        assert (kept[0], kept[-1]) == (0, n - 1)
        assert y[kept].max() == y.max()
        assert y[kept].min() == y.min()


@pytest.mark.parametrize("spike", [0, 1, 4999, 9_998, 9_999])
def test_thinned_points_keep_a_single_spike(spike):
    y = np.zeros(10_000)
    y[spike] = 5.0
    assert spike in thinned(y)


def test_thinned_points_stay_the_same_while_values_are_appended():
    y = np.random.default_rng(0).normal(size=10_001)
    before, after = set(thinned(y[:9_990]).tolist()), set(thinned(y[:9_995]).tolist())
    assert len(before - after) <= 4  # the last point, and the extremes of the incomplete block


def test_smoothing_keeps_a_constant_and_stays_between_the_extremes():
    assert smoothed([2.0] * 500) == pytest.approx([2.0] * 500)
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert smoothed(values)[0] == pytest.approx(5.0)
    assert all(1.0 <= v <= 5.0 for v in smoothed(values))
    assert len(smoothed([])) == 0


def test_column_leaves_out_values_that_are_not_finite_numbers():
    rows = [{"step": i, "loss": value} for i, value in enumerate([1.0, None, float("nan"), "x", float("inf"), 2])]
    step, loss = column([*rows, {"step": 9}], "loss")
    assert (step.tolist(), loss.tolist()) == ([0, 5], [1.0, 2.0])


def test_rounded_keeps_four_significant_digits_and_whole_integers():
    assert rounded(np.array([0.123456, 12345.678, 1e-7, 0.0, -2.0])).tolist() == [0.1235, 12350.0, 1e-7, 0.0, -2.0]
    assert rounded(np.array([1_234_567])).tolist() == [1_234_567]
