"""python -m benchmarks.studio: how fast the studio's page loads, and how fast its charts follow a run.

Uses the real server and headless Chromium on this machine; this command writes the run's rows as a job would."""

import json
import math
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from benchmarks.browser import PATIENCE_MS, require_browser, served
from benchmarks.hardware import hardware, versions
from qal.cli.command import run_command
from qal.cli.parsing import make_parser, parse
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run
from qal.jobs.status import Status

USABLE = "!!document.querySelector('.qal-live .start')?.onclick"
LAST_STEP = """() => Math.max(0, ...[...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => plot.data ?? [])
    .filter(trace => trace.name === "each step").map(trace => trace.x.at(-1)))"""
POINTS = """() => Math.max(0, ...[...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => plot.data ?? [])
    .map(trace => trace.x?.length ?? 0))"""
MAX_USABLE_S, MAX_BEHIND_S, MAX_POINTS = 2.0, 1.0, 1000


def main() -> None:
    parser = make_parser("python -m benchmarks.studio", __doc__ or "")
    parser.add_argument("--steps", type=int, default=10_000, help="of the run that is watched")
    parser.add_argument("--updates", type=int, default=30, help="rows that are added and waited for")
    parser.add_argument("--visits", type=int, default=5, help="how often the page is opened")
    parser.add_argument("--json", action="store_true", help="print the object on one line")
    options = parse(parser)
    require_browser("this benchmark")
    figures = measure(options.steps, options.updates, options.visits)
    limits = {"usable_s": MAX_USABLE_S, "behind_s_p95": MAX_BEHIND_S, "most_points": MAX_POINTS}
    result = {
        "hardware": hardware(),
        "settings": {"steps": options.steps, **versions("gradio", "plotly")},
        "figures": figures,
        "reference": {},
        "bars": {n: {"value": figures[n], "bar": bar, "met": figures[n] <= bar} for n, bar in limits.items()},
    }
    print(json.dumps(result, indent=None if options.json else 2))


def measure(steps: int, updates: int, visits: int) -> dict[str, float]:
    from playwright.sync_api import Page, sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        run = growing_run(folder / "runs", steps)
        folders = [f"--{kind}={folder / kind}" for kind in ("runs", "data", "live")]
        with served("app.py", *folders) as (address, server_s):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])

            def opened() -> tuple[Page, float]:
                page = browser.new_page()
                page.set_default_timeout(PATIENCE_MS)
                began = time.perf_counter()
                page.goto(address, wait_until="commit")
                page.wait_for_function(USABLE)
                return page, time.perf_counter() - began

            usable = []
            for _ in range(visits):
                page, took = opened()
                usable.append(took)
                page.close()
            page, _ = opened()
            behind, points = followed(page, run, steps, updates)
            browser.close()
    return {
        "server_s": round(server_s, 2),
        "usable_s": round(median(usable), 2),
        "usable_s_worst": round(max(usable), 2),
        "behind_s_p50": round(median(behind), 2),
        "behind_s_p95": round(float(np.percentile(behind, 95)), 2),
        "most_points": points,
    }


def growing_run(runs: Path, steps: int) -> Run:
    """Creates a run whose process is this one."""
    run, me = create_run(TrainingConfig(corpus=["data/none"]), runs, "watched"), psutil.Process()
    rows = "".join(json.dumps({**row(step), "time": time.time()}) + "\n" for step in range(1, steps + 1))
    run.metrics_file.write_text(rows, encoding="utf-8")
    run.write_status(
        Status(
            state="running", stage="train", pid=os.getpid(), pid_started=me.create_time(), step=steps, steps=2 * steps
        )
    )
    return run


def row(step: int) -> dict[str, Any]:
    return {
        "kind": "step",
        "step": step,
        "epoch": step // 1000,
        "attempt": 1,
        "loss": 0.5 + math.exp(-step / 2000) + 0.1 * math.sin(step),
        "learning_rate": 5e-4,
        "grad_norm": 1.5 + math.sin(step / 7),
        "utterances_per_second": 7.5,
        "context_s": 4.0,
        "data_wait_fraction": 0.02,
        "memory_mb": 3000,
        "disk_free_mb": 50_000,
    }


def followed(page: Any, run: Run, steps: int, updates: int) -> tuple[list[float], int]:
    """Seconds from writing each row to its point in the chart, and the largest number of points in a trace."""
    page.get_by_role("tab", name="Train", exact=True).click()
    page.get_by_role("tab", name="Run", exact=True).click()
    page.wait_for_function(f"({LAST_STEP})() === {steps}")
    behind, rng = [], np.random.default_rng(0)
    for step in range(steps + 1, steps + updates + 1):
        time.sleep(rng.uniform(0.5, 1.5))  # at a random time between two updates of the page
        run.append_metrics(row(step))
        written = time.perf_counter()
        page.wait_for_function(f"({LAST_STEP})() >= {step}", polling=20)
        behind.append(time.perf_counter() - written)
    return behind, page.evaluate(POINTS)


if __name__ == "__main__":
    run_command(main)
