"""The charts of an error analysis: what they show, and that every text in them is escaped."""
# pyright: reportAttributeAccessIssue=false
# Plotly states no types of its traces.

import json
import re

import numpy as np
import pytest

from qal.evaluation.breakdown import breakdown
from qal.evaluation.errors.analysis import ErrorAnalysis, analyse
from qal.evaluation.errors.confusions import Confusion
from qal.evaluation.errors.phonemes import ConfusionMatrix
from qal.evaluation.errors.tables import all_tables
from qal.evaluation.records import ScoredRow
from ui_components.evaluate.errors import figures
from ui_components.evaluate.errors.charts import error_charts

TAG = re.compile(r"<[a-z/]")
PLOTLY_TAG = "<extra></extra>"  # in templates


@pytest.fixture(scope="module")
def analysis() -> ErrorAnalysis:
    rows = [
        ScoredRow(
            audio=f"{i}.wav",
            reference="the <b>ship</b> tiếng",
            hypothesis="the <i>sheep</i> tieng" if i % 2 else "the b ship b tiêng",
            language="vi" if i < 5 else "en",
            speaker=f"<s>{i % 3}</s>",
            duration_s=1 + i,
            snr_db=4 * i,
            source=f"<u>{i % 2}</u>",
        )
        for i in range(10)
    ]
    return analyse(rows, with_phonemes=False)


def test_each_chart_has_a_table_with_its_figures(analysis):
    charts = error_charts(analysis)
    names = [chart.name for chart in charts]
    assert len(set(names)) == len(names)
    assert set(names) <= {table.name for table in all_tables(analysis)}
    assert {"by_speaker", "by_duration", "by_snr", "by_position", "word_confusions", "differences"} <= set(names)


def test_texts_in_charts_are_escaped(analysis):
    for chart in error_charts(analysis):
        drawn = json.loads(str(chart.figure.to_json()))
        assert not TAG.search(json.dumps(drawn).replace(PLOTLY_TAG, ""))
        assert drawn["layout"]["height"] > 0


def test_group_bars_are_error_rates_with_their_intervals(analysis):
    groups = breakdown(analysis.found, "speaker")
    (bar,) = figures.group_figure(groups).data
    rate = groups[0].figures.deciding
    assert bar.x[0] == pytest.approx(100 * rate.rate, abs=0.01)
    assert bar.error_x.array[0] == pytest.approx(100 * (rate.high - rate.rate))
    assert len(figures.group_figure(groups, shown=2).data[0].x) == 2


@pytest.mark.parametrize(("most", "distance"), [(1, 1), (5, 1), (60, None)])
def test_axis_of_counts_has_whole_numbers_only(most, distance):
    figure = figures.confusion_figure([Confusion("a", "b", most, (0,))])
    assert figure.layout.xaxis.dtick == distance  # None: Plotly's, which is a whole number there


def test_missing_and_space_are_visible_in_pairs():
    assert figures.pair_text(Confusion("", "a", 1, (0,))) == "∅ → a"
    assert figures.pair_text(Confusion(" ", "", 1, (0,))) == "␣ → ∅"


def test_matrix_shows_shares_of_what_was_said_without_the_diagonal():
    matrix = ConfusionMatrix(("p", "b", ""), ("p", "b", ""), np.array([[6, 2, 2], [0, 1, 0], [0, 3, 0]]))
    (heatmap,) = figures.matrix_figure(matrix).data
    assert np.array_equal(np.isnan(heatmap.z), np.eye(3, dtype=bool))
    assert heatmap.z[0][1] == 20
    assert heatmap.customdata[2][1] == ["∅", "b", 3]


def test_histogram_counts_each_utterance_once():
    (bars,) = figures.rate_histogram(np.array([0, 0, 0.04, 0.05, 1.0, 3.0]), "WER").data
    counts = dict(zip(bars.x, bars.y, strict=True))
    assert (counts["0"], counts["0–5"], counts["95–100"], counts["> 100"], sum(bars.y)) == (2, 2, 1, 1, 6)
