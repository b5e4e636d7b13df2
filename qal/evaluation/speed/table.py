"""The speed of models as text and as CSV."""

import csv
import io
from collections.abc import Sequence

from qal.evaluation.context_curve.table import aligned
from qal.evaluation.speed.records import DurationFigures, Measurement, SpeedReport, Timeline

SPEED_COLUMNS = (
    "model",
    "context",
    "precision",
    "beam",
    "threads",
    "batch",
    "at once",
    "load s",
    "peak MB",
    "RTF",
    "audio minutes per minute",
)
DURATION_COLUMNS = ("configuration", "clip s", "calls", "RTF", "p50 s", "p95 s", "p99 s", "longest s")
CSV_COLUMNS = (
    *("model", "context", "device", "compute_type", "beam_size", "threads", "batch_size", "workers", "way"),
    *("load_s", "first_s", "process_mb", "peak_mb", "duration_s", "calls", "clips", "wall_s", "rtf"),
    *("p50_s", "p95_s", "p99_s", "max_s", "problem"),
)
REAL_TIME_LINE = "real time: those below are slower than the speech"
MISSING = "–"
SLOWEST_SHOWN = 10


def speed_table(report: SpeedReport) -> str:
    """Returns the configurations, the fastest first with the real-time line between them, and their latencies."""
    done = [m for m in report.measurements if not m.problem]
    ordered = sorted(done, key=lambda m: -m.minutes_per_minute)
    lines = [speed_basis(report), *aligned([SPEED_COLUMNS, *map(speed_cells, ordered)])]
    fast = sum(m.minutes_per_minute >= 1 for m in ordered)
    if ordered:
        lines.insert(2 + fast, f"{'-' * 8} {REAL_TIME_LINE} {'-' * 8}")
    lines += [f"{m.configuration.name}: {m.problem}" for m in report.measurements if m.problem]
    if ordered:
        lines += ["", *aligned([DURATION_COLUMNS, *duration_rows(done)])]
    for timeline in report.timelines:
        lines += ["", *timeline_lines(timeline)]
    return "\n".join(lines)


def speed_basis(report: SpeedReport) -> str:
    """Returns what the figures rest on, in one line."""
    hardware = report.hardware
    return f"{report.clips} clips of each duration from {report.sound} · {hardware['cpu']}, {hardware['cores']} cores"


def speed_cells(found: Measurement) -> list[str]:
    """Returns the cells of a configuration, in the order of SPEED_COLUMNS."""
    c = found.configuration
    return [
        c.model,
        f"speech + {found.ability.margin_s:g} s" if found.ability.adaptive else "30 s",
        c.compute_type,
        str(c.beam_size),
        str(c.threads or "all"),
        str(c.batch_size),
        str(c.workers),
        f"{found.load_s:.2f}",
        f"{found.peak_mb:.0f}",
        MISSING if found.rtf is None else f"{found.rtf:.3f}",
        f"{found.minutes_per_minute:.1f}",
    ]


def duration_rows(measurements: Sequence[Measurement]) -> list[list[str]]:
    return [[m.configuration.name, *duration_cells(row)] for m in measurements for row in m.durations]


def duration_cells(row: DurationFigures) -> list[str]:
    """Returns the cells of one duration, in the order of DURATION_COLUMNS without the configuration."""
    times = [row.p50_s, row.p95_s, row.p99_s, row.max_s]
    shown = [MISSING if value is None else f"{value:.3f}" for value in times]
    return [f"{row.duration_s:g}", str(row.calls), f"{row.rtf:.3f}", *shown]


def timeline_lines(timeline: Timeline) -> list[str]:
    """Returns the slowest stretches of a file as lines, in units of their own duration."""
    slowest = sorted(timeline.stretches, key=lambda s: -s.rtf)[:SLOWEST_SHOWN]
    cells = [[f"{s.start_s:.1f}", f"{s.end_s:.1f}", f"{s.seconds:.2f}", f"{s.rtf:.3f}", str(s.calls)] for s in slowest]
    head = (
        f"{timeline.file} with {timeline.model}: {timeline.duration_s:.0f} s in {timeline.wall_s:.1f} s, of which "
        f"{timeline.search_s:.1f} s to find the speech; {len(timeline.stretches)} stretches, the slowest:"
    )
    return [head, *aligned([["from s", "to s", "took s", "RTF", "decodings"], *cells])]


def speed_csv(report: SpeedReport) -> str:
    """Returns a line for each duration of each configuration; one for a configuration that could not be measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for found in report.measurements:
        common = {
            **found.configuration.model_dump(),
            **found.model_dump(include={"load_s", "first_s", "process_mb", "peak_mb", "problem"}),
            "way": found.configuration.way,
        }
        for row in found.durations or [None]:
            own = {} if row is None else {**row.model_dump(), "rtf": row.rtf}
            writer.writerow({**common, **own})
    return text.getvalue()
