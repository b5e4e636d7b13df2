"""A real job from the page, on the tiny model: pages and servers come and go, the job does not notice."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from qal.export.to_ctranslate2 import to_ctranslate2
from qal.jobs import job
from qal.jobs.options.training_config import TrainingConfig
from qal.jobs.run import Run, create_run, list_runs
from tests.e2e.test_train import POINTS, open_train
from tests.tiny_model import make_tiny_weights, make_tones

SETTINGS = {
    "epochs": 400,
    "batch_size": 1,
    "device": "cpu",
    "precision": "32-true",
    "validation_utterances": 1,
    "tracker": "none",
    "retention": {"utterances": 0},
}


@pytest.fixture
def studio(base_directory: Path, tmp_path: Path) -> Iterator[list[str]]:
    """What app.py is started with: a tiny model, a tiny corpus, and an old run whose settings fit them."""
    model = to_ctranslate2(make_tiny_weights(base_directory, tmp_path / "weights"), tmp_path / "models" / "tiny")
    make_tones(tmp_path / "data" / "tones")
    settings = {**SETTINGS, "base": str(model), "corpus": [str(tmp_path / "data" / "tones")]}
    old = create_run(TrainingConfig.model_validate(settings), tmp_path / "runs", "old")
    old.update_status(state="failed", reason="it is only here for its settings")
    yield ["app.py", "--model", str(model), "--data", str(tmp_path / "data")]
    for run in list_runs(tmp_path / "runs"):
        if run.status().state not in ("finished", "failed", "interrupted"):
            job.kill(run)


def start_another(page: Page) -> None:
    """With the settings of the run that is watched."""
    page.get_by_role("button", name="Use these settings").click()
    start = page.get_by_role("button", name="Start", exact=True)
    expect(page.locator(".qal-side")).to_contain_text("Everything is as in run")
    expect(start).to_be_enabled()
    start.click()
    expect(page.get_by_role("tab", name="Run", exact=True)).to_have_attribute("aria-selected", "true")


def wait_for_more_points(page: Page, than: int) -> int:
    page.wait_for_function(f"(than) => ({POINTS})('each step') > than", arg=than)
    return page.evaluate(POINTS, "each step")


def newest(folder: Path, other: Run | None = None) -> Run:
    return next(r for r in list_runs(folder) if r.id != "old" and (other is None or r.id != other.id))


def test_a_job_outlives_page_and_server_stops_resumes_and_loses_no_point(serve, browse, studio, tmp_path):
    address = serve(*studio)
    page = browse(address)
    open_train(page)
    start_another(page)
    seen = wait_for_more_points(page, 3)
    page.reload()
    open_train(page)
    seen = wait_for_more_points(page, seen)

    serve.stop(kill=True)
    serve(*studio, address=address)
    page = browse(address)
    open_train(page)
    seen = wait_for_more_points(page, seen)

    first = newest(tmp_path / "runs")
    start_another(page)  # the device is busy: it waits
    expect(page.locator(".qal-run")).to_contain_text("waiting")
    second = newest(tmp_path / "runs", first)
    assert second.status().state == "queued"
    job.stop(first)
    expect(page.locator(".qal-run")).to_contain_text(re.compile(r"step \d+ of"))
    assert first.status().state == "interrupted"
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()

    stopped_at = second.status().step
    page.get_by_role("button", name="Resume", exact=True).click()
    wait_for_more_points(page, stopped_at + 2)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    steps = [row["step"] for row in second.metrics() if row["kind"] == "step"]
    assert steps == list(range(1, steps[-1] + 1))
    page.wait_for_function(f"(count) => ({POINTS})('each step') === count", arg=len(steps))


def test_a_learning_rate_is_found_and_used(serve, browse, studio):
    page = browse(serve(*studio))
    open_train(page)
    page.get_by_role("button", name="Use these settings").click()
    find = page.get_by_role("button", name="Find a learning rate")
    expect(find).to_be_enabled()
    find.click()
    expect(page.locator(".qal-side")).to_contain_text("The loss falls fastest at")
    expect(page.locator(".qal-side .js-plotly-plot")).to_be_visible()
    use = page.get_by_role("button", name=re.compile(r"^Use [\d.e-]+$"))
    rate = use.inner_text().removeprefix("Use ")
    use.click()
    expect(page.locator(".cm-content").first).to_contain_text(f"--learning_rate {rate}")
