"""Charts of a speed report: latency, real-time factor, throughput, memory, and a file's timeline. Pure functions."""

import html
from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from qal.evaluation.speed.records import REAL_TIME, DurationFigures, Measurement, SpeedReport, Timeline
from qal.evaluation.speed.table import SPEED_COLUMNS, speed_basis, speed_cells
from ui_components.evaluate.speed.charts_page import charts_page
from ui_components.train.compare.figures import PALETTE
from ui_components.train.run.charts import Chart
from ui_components.train.run.figures import AMBER, GREY, TEAL, add_level, empty_chart

BAR_PX, BARS_MARGIN_PX = 26, 110  # height of a bar chart
WAY_COLOURS = {"one by one": TEAL, "batched": "#0072b2", "parallel": AMBER}


def speed_charts(report: SpeedReport) -> list[Chart]:
    """Charts for the page; those without data are left out."""
    done = [found for found in report.measurements if not found.problem]
    charts = [
        Chart("speed-rtf", "Real-time factor by duration", rtf_figure(done)),
        Chart("speed-latency", "Latency by duration, median and 95th percentile", latency_figure(done)),
        Chart("speed-throughput", "Minutes of audio per minute", throughput_figure(done)),
        Chart("speed-memory", "Peak memory", memory_figure(done)),
        Chart("speed-load", "Load time", load_figure(done)),
    ]
    for i, timeline in enumerate(report.timelines):
        title = f"{timeline.file} with {timeline.model}"
        charts.append(Chart(f"speed-timeline-{i}", f"Timeline of {title}", timeline_figure(timeline)))
        charts.append(Chart(f"speed-stretches-{i}", f"Stretches of {title}", stretches_figure(timeline)))
    return [chart for chart in charts if chart.figure.data]


def speed_page(report: SpeedReport) -> str:
    """A self-contained HTML page with the charts and the table."""
    failed = [f"{m.configuration.name}: {m.problem}." for m in report.measurements if m.problem]
    done = [m for m in report.measurements if not m.problem]
    cells = [SPEED_COLUMNS, *map(speed_cells, sorted(done, key=lambda m: -m.minutes_per_minute))]
    return charts_page("Speed", [speed_basis(report), *failed], speed_charts(report), cells)


def rtf_figure(measurements: Sequence[Measurement]) -> go.Figure:
    """Seconds of computation per second of audio, a line for each configuration, with the real-time line at 1."""
    figure = _by_duration(measurements, "real-time factor", lambda row: row.rtf)
    if measurements:
        add_level(figure, "real time", REAL_TIME, "dash")
    figure.update_yaxes(type="log")  # a line near zero could not be told from another
    return figure


def latency_figure(measurements: Sequence[Measurement]) -> go.Figure:
    """Seconds from the call to the texts; the whisker is the 95th percentile. The dashed line is real time."""
    figure = _by_duration(measurements, "latency, s", lambda row: row.p50_s, with_p95=True)
    longest_s = max((row.duration_s for found in measurements for row in found.durations), default=0.0)
    if longest_s:
        line = {"color": GREY, "width": 1.5, "dash": "dash"}
        figure.add_scatter(x=[0, longest_s], y=[0, longest_s], name="real time", mode="lines", line=line)
    return figure


def throughput_figure(measurements: Sequence[Measurement]) -> go.Figure:
    """Minutes of audio per minute of each configuration, with the real-time line at 1."""
    figure = _bars(measurements, "minutes of audio per minute", [m.minutes_per_minute for m in measurements])
    if measurements:
        line = {"color": GREY, "width": 1.5, "dash": "dash"}
        figure.add_shape(
            type="line", x0=1, x1=1, yref="y domain", y0=0, y1=1, line=line, name="real time", showlegend=True
        )
    return figure


def memory_figure(measurements: Sequence[Measurement]) -> go.Figure:
    """The peak memory of the process of each configuration; Python and the libraries are a part of it."""
    return _bars(measurements, "MB", [m.peak_mb for m in measurements])


def load_figure(measurements: Sequence[Measurement]) -> go.Figure:
    return _bars(measurements, "seconds to load the weights", [m.load_s for m in measurements])


def timeline_figure(timeline: Timeline) -> go.Figure:
    """When each stretch was decoded: a bar from its first call to its last, at its place in the file."""
    figure = empty_chart("place in the file, s", "time of computation, s")
    figure.update_layout(hovermode="closest", barmode="overlay")
    stretches = timeline.stretches
    if stretches:
        figure.add_bar(
            x=[(s.start_s + s.end_s) / 2 for s in stretches],
            width=[s.end_s - s.start_s for s in stretches],
            base=[s.began_s for s in stretches],
            y=[s.ended_s - s.began_s for s in stretches],
            marker={"color": [AMBER if s.calls > 1 else TEAL for s in stretches]},
            text=_stretch_texts(timeline),
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
            name="orange: decoded more than once",
        )
    return figure


def stretches_figure(timeline: Timeline) -> go.Figure:
    """The real-time factor of each stretch over the file, with the mean of the whole file."""
    figure = empty_chart("place in the file, s", "real-time factor")
    figure.update_layout(hovermode="closest")
    stretches = timeline.stretches
    if stretches:
        figure.add_bar(
            x=[(s.start_s + s.end_s) / 2 for s in stretches],
            width=[s.end_s - s.start_s for s in stretches],
            y=[s.rtf for s in stretches],
            marker={"color": [AMBER if s.calls > 1 else TEAL for s in stretches]},
            text=_stretch_texts(timeline),
            textposition="none",
            hovertemplate="%{text}<extra></extra>",
            name="orange: decoded more than once",
        )
        add_level(figure, "whole file", timeline.wall_s / timeline.duration_s, "dot")
    return figure


def _stretch_texts(timeline: Timeline) -> list[str]:
    return [
        f"{s.start_s:.1f} to {s.end_s:.1f} s took {s.seconds:.2f} s (RTF {s.rtf:.3f}), "
        f"decoded {s.calls} {'time' if s.calls == 1 else 'times'}"
        for s in timeline.stretches
    ]


def _by_duration(
    measurements: Sequence[Measurement], title: str, value: Callable[[DurationFigures], float], with_p95: bool = False
) -> go.Figure:
    """A chart with a line over the durations for each configuration, and a whisker up to the 95th percentile."""
    figure = empty_chart("duration of the clip, s", title)
    for i, found in enumerate(measurements):
        whiskers = [0.0 if row.p95_s is None else row.p95_s - row.p50_s for row in found.durations]
        bars = {"type": "data", "array": whiskers, "arrayminus": [0.0] * len(whiskers), "thickness": 1.2}
        figure.add_scatter(
            x=[row.duration_s for row in found.durations],
            y=[value(row) for row in found.durations],
            name=html.escape(found.configuration.name, quote=False),
            mode="lines+markers",
            line={"color": PALETTE[i % len(PALETTE)], "width": 2},
            error_y=bars if with_p95 else None,
        )
    return figure


def _bars(measurements: Sequence[Measurement], title: str, values: Sequence[float]) -> go.Figure:
    """A horizontal bar for each configuration, the first one on top."""
    figure = empty_chart(title, "", max(220, BARS_MARGIN_PX + BAR_PX * len(measurements)))
    figure.update_layout(showlegend=False, hovermode="closest")
    figure.update_yaxes(autorange="reversed", automargin=True)
    if measurements:
        figure.add_bar(
            x=list(values),
            y=[html.escape(m.configuration.name, quote=False) for m in measurements],
            orientation="h",
            marker={"color": [WAY_COLOURS[m.configuration.way] for m in measurements]},
            text=[f"{value:,.1f}" for value in values],
            textposition="auto",
        )
    return figure
