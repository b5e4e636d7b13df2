"""Tests of real training jobs that are started from the page, with a tiny model and a tiny dataset."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs import job
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run, list_runs
from qal.jobs.status import ENDED
from tests.e2e.train_page import POINT_COUNT_JS, open_train
from tests.tiny_model import make_tiny_weights, make_tones

# 4 examples x EXAMPLE_REPEATS x epochs: so many steps of a few ms that a run cannot end while a test watches it
EXAMPLE_REPEATS = 100
SETTINGS = {
    "epochs": 1000,
    "batch_size": 1,
    "device": "cpu",
    "precision": "32-true",
    "validation_utterances": 1,
    "tracker": "none",
    "retention": {"utterances": 0},
    "result": {"gate": "off"},
}
LAST_STEP_JS = """() => Math.max(0, ...[...document.querySelectorAll(".js-plotly-plot")]
    .flatMap(plot => plot.data ?? []).filter(trace => trace.name === "each step").map(trace => trace.x.at(-1)))"""


@pytest.fixture
def studio(base_directory: Path, tmp_path: Path) -> Iterator[list[str]]:
    """The arguments of a studio with a tiny model, a tiny dataset, and a failed run `old` with settings for both."""
    model = to_ctranslate2(make_tiny_weights(base_directory, tmp_path / "weights"), tmp_path / "models" / "tiny")
    tones = tmp_path / "data" / "tones"
    make_tones(tones)
    settings = {
        **SETTINGS,
        "base": str(model),
        "corpus": [str(tones)],
        "corpus_weights": {str(tones): EXAMPLE_REPEATS},
    }
    old = create_run(TrainingConfig.model_validate(settings), tmp_path / "runs", "old")
    old.update_status(state="failed", reason="this run only holds settings")
    yield ["app.py", "--model", str(model), "--data", str(tmp_path / "data")]
    for run in list_runs(tmp_path / "runs"):
        if run.status().state not in ENDED:
            job.kill(run)


def start_run_with_same_settings(page: Page) -> None:
    """Starts a run with the settings of the run on the Run tab."""
    page.get_by_role("button", name="New run with these settings").click()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(page.locator(".qal-side")).to_contain_text("No changes from run")
    expect(start).to_be_enabled()
    start.click()
    expect(page.get_by_role("tab", name="Run", exact=True)).to_have_attribute("aria-selected", "true")


def wait_for_later_step(page: Page, step: int) -> int:
    """Waits until the loss chart shows a step after `step`, and returns the last step that it shows."""
    page.wait_for_function(f"(step) => ({LAST_STEP_JS})() > step", arg=step)
    return page.evaluate(LAST_STEP_JS)


def stop_shown_run(page: Page) -> None:
    """Presses Stop and waits until the run can be resumed."""
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()


def newest_run(folder: Path, except_run: Run | None = None) -> Run:
    """The newest run that the page started."""
    excluded = {"old", except_run.id if except_run else None}
    return next(run for run in list_runs(folder) if run.id not in excluded)


@pytest.mark.long
def test_job_outlives_page_and_server_and_a_resumed_run_has_every_step_once(serve, browse, studio, tmp_path):
    address = serve(*studio)
    page = browse(address)
    open_train(page)
    start_run_with_same_settings(page)
    step = wait_for_later_step(page, 3)
    page.reload()
    open_train(page)
    step = wait_for_later_step(page, step)

    serve.stop(kill=True)
    serve(*studio, address=address)
    page = browse(address)
    open_train(page)
    wait_for_later_step(page, step)

    first = newest_run(tmp_path / "runs")
    start_run_with_same_settings(page)  # it is queued, because the device is in use
    expect(page.locator(".qal-run")).to_contain_text("Waiting: next in queue")
    second = newest_run(tmp_path / "runs", except_run=first)
    assert second.status().state == "queued"
    job.stop(first)
    expect(page.locator(".qal-run")).to_contain_text(re.compile(r"step \d+ of"))
    assert first.status().state == "interrupted"
    wait_for_later_step(page, 0)
    stop_shown_run(page)
    expect(page.locator(".qal-run")).to_contain_text("Stopped by you.")

    stopped_at = second.status().step
    page.get_by_role("button", name="Resume", exact=True).click()
    wait_for_later_step(page, stopped_at + 2)
    stop_shown_run(page)
    steps = [row["step"] for row in second.metrics() if row["kind"] == "step"]
    assert steps == list(range(1, steps[-1] + 1))
    page.wait_for_function(f"(count) => ({POINT_COUNT_JS})('each step') === count", arg=len(steps))


@pytest.mark.long
def test_learning_rate_finder_suggests_a_rate_that_can_be_used(serve, browse, studio):
    page = browse(serve(*studio))
    open_train(page)
    page.get_by_role("button", name="New run with these settings").click()
    find = page.get_by_role("button", name="Learning rate finder")
    expect(find).to_be_enabled()
    find.click()
    expect(page.locator(".qal-side")).to_contain_text("the loss falls fastest at")
    expect(page.locator(".qal-side .js-plotly-plot")).to_be_visible()
    use = page.get_by_role("button", name=re.compile(r"^Use [\d.e-]+$"))
    rate = use.inner_text().removeprefix("Use ")
    use.click()
    expect(page.locator(".cm-content").first).to_contain_text(f"--learning_rate {rate}")
