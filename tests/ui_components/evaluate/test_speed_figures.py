"""Charts of the speed of models and of the context curve: what is drawn for which figures."""

from typing import Any

import plotly.graph_objects as go
import pytest

from qal.engine.engine import FULL_CONTEXT
from qal.engine.model_directory import ContextAbility
from qal.evaluation.breakdown import RateFigure
from qal.evaluation.context_curve.records import ContextCurve, ContextFigures, Verdict
from qal.evaluation.report import PairedDifference
from qal.evaluation.speed.records import (
    Configuration,
    DurationFigures,
    Measurement,
    SpeedReport,
    Stretch,
    Timeline,
)
from ui_components.evaluate.speed.context_figures import curve_charts, curve_page, difference_figure, trade_figure
from ui_components.evaluate.speed.speed_figures import (
    latency_figure,
    speed_charts,
    speed_page,
    stretches_figure,
    throughput_figure,
    timeline_figure,
)


def context_row(context: ContextAbility, verdict: Verdict, difference: float = 0.0) -> ContextFigures:
    return ContextFigures(
        context=context,
        context_s=10,
        utterances=120,
        words=800,
        rate=RateFigure(measure="WER", rate=0.1 + difference, low=0.08, high=0.12 + difference),
        rtf=0.1,
        times_faster=2.0,
        paired=PairedDifference(difference=difference, low=difference - 0.01, high=difference + 0.004, p=0.5),
        verdict=verdict,
    )


def ability(margin_s: float, min_s: float) -> ContextAbility:
    return ContextAbility(adaptive=True, margin_s=margin_s, min_s=min_s)


@pytest.fixture
def curve() -> ContextCurve:
    rows = [
        context_row(FULL_CONTEXT, "reference"),
        context_row(ability(2, 10), "not worse"),
        context_row(ability(1, 10), "not worse"),
        context_row(ability(2, 2), "undecided", 0.01),
        context_row(ability(1, 2), "worse", 0.5),
    ]
    return ContextCurve(
        model="<b>mine</b>",
        corpus="voices",
        corpus_version="0" * 64,
        split="test",
        language=None,
        normaliser="basic-2",
        measure="WER",
        tolerance=0.005,
        utterances=120,
        words=800,
        seconds=600,
        shortest_s=1,
        longest_s=9,
        left_out={},
        decoding={},
        hardware={},
        seed=0,
        is_complete=True,
        figures=rows,
        smallest=ability(1, 10),
    )


def measurement(**settings: Any) -> Measurement:
    figures = [
        DurationFigures(
            duration_s=s, calls=20, clips=20, wall_s=4 * s, p50_s=0.2 * s, p95_s=0.3 * s, p99_s=None, max_s=s
        )
        for s in (2.0, 10.0)
    ]
    return Measurement(
        configuration=Configuration(model="a<b", compute_type="int8", **settings), peak_mb=400, durations=figures
    )


def traces(figure: go.Figure) -> list[Any]:
    return list[Any](figure.data)


def shapes(figure: go.Figure) -> list[Any]:
    layout: Any = figure.layout
    return list(layout.shapes)


STRETCHES = [
    Stretch(start_s=0, end_s=4, began_s=0.5, ended_s=1, seconds=0.5, calls=1),
    Stretch(start_s=6, end_s=8, began_s=1, ended_s=3, seconds=2, calls=3),
]
TIMELINE = Timeline(model="a", file="talk.wav", duration_s=10, wall_s=3, search_s=0.5, stretches=STRETCHES)


@pytest.fixture
def report() -> SpeedReport:
    broken = Measurement(configuration=Configuration(model="huge"), problem="it was killed")
    return SpeedReport(
        sound="voices",
        clips=20,
        hardware={"cpu": "fake", "cores": 2},
        measurements=[measurement(), measurement(batch_size=16), measurement(workers=2), broken],
        timelines=[TIMELINE],
    )


def test_context_chart_has_a_line_for_each_minimum_with_intervals(curve: ContextCurve):
    figure = difference_figure(curve)
    assert [(trace.name, list(trace.x)) for trace in traces(figure)] == [
        ("at least 2 s", [1, 2]),
        ("at least 10 s", [1, 2]),
    ]
    assert list(traces(figure)[0].y) == pytest.approx([50, 1])
    assert list(traces(figure)[0].error_y.array) == pytest.approx([0.4, 0.4])
    assert {shape.y0 for shape in shapes(figure)} == {0.5, 0.0}  # the tolerance and 30 s


def test_accuracy_against_speed_has_a_point_for_each_context_by_verdict(curve: ContextCurve):
    figure = trade_figure(curve)
    assert {trace.name: len(trace.x) for trace in traces(figure)} == {"not worse": 2, "undecided": 1, "worse": 1}
    layout: Any = figure.layout
    (note,) = layout.annotations
    assert note.text == "speech + 1 s, at least 10 s"


def test_context_page_is_self_contained_and_escaped(curve: ContextCurve):
    page = curve_page(curve)
    assert len(curve_charts(curve)) == 4
    assert "<script src=" not in page
    assert "<b>mine</b>" not in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page


def test_latency_and_throughput_have_the_real_time_line(report: SpeedReport):
    done = report.measurements[:3]
    latency = traces(latency_figure(done))
    assert [trace.name for trace in latency][-1] == "real time"
    assert list(latency[-1].x) == list(latency[-1].y) == [0, 10]
    assert list(latency[0].error_y.array) == pytest.approx([0.2, 1.0])
    (line,) = shapes(throughput_figure(done))
    assert (line.x0, line.x1, line.name) == (1, 1, "real time")


def test_speed_charts_leave_out_what_could_not_be_measured(report: SpeedReport):
    charts = {chart.name: traces(chart.figure) for chart in speed_charts(report)}
    assert len(charts["speed-memory"][0].x) == 3
    assert len(charts["speed-rtf"]) == 3
    empty = report.model_copy(update={"measurements": report.measurements[3:], "timelines": []})
    assert speed_charts(empty) == []
    page = speed_page(report)
    assert "huge auto: it was killed." in page
    assert "a&lt;b" in page


def test_timeline_bars_stand_at_the_place_and_the_time_of_each_stretch():
    (bars,) = traces(timeline_figure(TIMELINE))
    assert (list(bars.x), list(bars.width)) == ([2, 7], [4, 2])
    assert (list(bars.base), list(bars.y)) == ([0.5, 1], [0.5, 2])
    (shares,) = traces(stretches_figure(TIMELINE))
    assert list(shares.y) == pytest.approx([0.125, 1.0])


def test_a_file_without_speech_has_an_empty_timeline():
    silent = TIMELINE.model_copy(update={"stretches": []})
    assert traces(timeline_figure(silent)) == traces(stretches_figure(silent)) == []
