"""Tests of the Run and Compare tabs in a browser, with run folders that grow while the page is open."""

import json
import re
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from qal.jobs.notes import Notes, write_notes
from qal.jobs.run import Run
from tests.e2e.tls_proxy import tls_proxy, under_path
from tests.e2e.train_page import POINT_COUNT_JS, open_train, wait_for_points
from tests.run_folders import (
    STEPS_PER_EPOCH,
    epoch_row,
    report_with_tuned_score,
    samples_row,
    scripted_run,
    step_row,
    write_tone,
)

MANY_STEPS = 10_000
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture
def open_studio(studio, browse):
    """open_studio(inner) opens a page on an inner tab of Train."""

    def open_page(inner: str = "Run") -> Page:
        page = browse(studio)
        open_train(page, inner)
        return page

    return open_page


def test_charts_follow_the_run_and_a_reload_shows_all_points(open_studio, studio_folder, requested_hosts):
    first, last = 6, STEPS_PER_EPOCH
    run = scripted_run(studio_folder / "runs", "mine", "running", step=first)
    page = open_studio()
    wait_for_points(page, "each step", first)
    for step in range(first + 1, last + 1):
        run.append_metrics(step_row(step))
    run.append_metrics(epoch_row(1))
    run.update_status(step=last)
    wait_for_points(page, "each step", last)
    wait_for_points(page, "WER", 2)
    expect(page.locator(".qal-run")).to_contain_text(f"step {last} of")

    page.reload()
    open_train(page)
    wait_for_points(page, "each step", last)
    wait_for_points(page, "WER", 2)

    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qal-badge").filter(has_text="Stopping after this step...")).to_be_visible()
    assert run.stop_file.exists()
    page.get_by_role("button", name="Kill", exact=True).click()
    expect(page.get_by_text("Kill run mine?")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_text("Kill run mine?")).to_be_hidden()
    assert requested_hosts <= {"127.0.0.1", "no host"}


def test_zoom_is_kept_and_the_chart_is_updated_in_place_while_metrics_arrive(open_studio, studio_folder):
    run = scripted_run(studio_folder / "runs", "mine", "running", step=6)
    page = open_studio()
    wait_for_points(page, "each step", 6)
    loss = page.locator("[data-chart=loss] .js-plotly-plot")
    loss.evaluate("plot => { plot.isSamePlot = true; Plotly.relayout(plot, {'xaxis.range': [2, 4]}) }")
    run.append_metrics(step_row(7))
    wait_for_points(page, "each step", 7)
    assert loss.evaluate("plot => [plot.isSamePlot, ...plot.layout.xaxis.range]") == [True, 2, 4]


def test_run_of_ten_thousand_steps_is_drawn_thinned_and_new_steps_appear(open_studio, studio_folder):
    run = scripted_run(studio_folder / "runs", "long", "running", step=0)
    lines = [json.dumps({**step_row(step), "time": 1e9 + step}) for step in range(1, MANY_STEPS + 1)]
    with run.metrics_file.open("a") as file:
        file.write("\n".join(lines) + "\n")
    page = open_studio()
    last_step_js = "() => Math.max(...[...document.querySelectorAll('.js-plotly-plot')].map(p => p.data[0].x.at(-1)))"
    page.wait_for_function(f"({last_step_js})() === {MANY_STEPS}")
    assert 500 < page.evaluate(POINT_COUNT_JS, "each step") <= 1000
    delays_s = []
    for step in range(MANY_STEPS + 1, MANY_STEPS + 6):
        run.append_metrics(step_row(step))
        started = time.monotonic()
        page.wait_for_function(f"({last_step_js})() === {step}")
        delays_s.append(time.monotonic() - started)
    print("seconds until a new step is shown:", [round(delay, 2) for delay in delays_s])


def test_finished_run_shows_its_report_and_an_older_run_can_be_selected(open_studio, studio_folder):
    scripted_run(studio_folder / "runs", "older", "failed", step=5, reason="no space left on the disk")
    time.sleep(0.02)
    scripted_run(studio_folder / "runs", "newer", "finished")
    page = open_studio()
    expect(page.locator(".qal-table").first).to_contain_text("19.0 %")
    page.get_by_label("Run", exact=True).first.click()
    page.get_by_role("option").filter(has_text="older").click()
    expect(page.locator(".qal-run")).to_contain_text("No space left on the disk.")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    for _ in range(2):  # the settings of the same run can be loaded again
        page.get_by_role("button", name="New run with these settings").click()
        expect(page.get_by_role("tab", name="New run", exact=True)).to_have_attribute("aria-selected", "true")
        open_train(page)


def test_sample_audio_keeps_playing_while_new_predictions_arrive(open_studio, studio_folder):
    audio = [write_tone(studio_folder / "data" / "my tones" / f"{i}.wav", 20.0) for i in range(3)]
    run = scripted_run(studio_folder / "runs", "mine", "running", step=6)
    run.append_samples(samples_row(0, audio))
    page = open_studio()
    expect(page.get_by_role("button", name="Sample predictions")).to_be_visible()
    expect(page.locator(".qal-samples dt").first).to_have_text("Reference")
    player = page.locator(".qal-samples audio").first
    expect(page.locator(".qal-samples del").first).to_contain_text("account")
    player.evaluate("audio => { audio.isSamePlayer = true; audio.muted = true; return audio.play() }")
    page.wait_for_function("document.querySelector('.qal-samples audio').currentTime > 0.2")
    run.append_samples(samples_row(3, audio))
    run.append_metrics(step_row(7))
    expect(page.locator(".qal-samples article").first).to_contain_text("Correct")
    wait_for_points(page, "each step", 7)
    assert player.evaluate("audio => [audio.isSamePlayer, audio.paused, audio.error]") == [True, False, None]
    page.get_by_label("Epoch", exact=True).click()
    page.get_by_role("option", name="before training").click()
    expect(page.locator(".qal-samples del").first).to_contain_text("account")


def test_log_can_be_searched_and_filtered_by_level(open_studio, studio_folder):
    run = scripted_run(studio_folder / "runs", "mine", "running", step=6)
    head = "2026-11-22 10:00:00,123"
    run.log_file.write_text(f"{head} INFO qal: begun\n\rtrain: 1%\rtrain: 2%\n{head} WARNING qal: <b>odd</b> row\n")
    page = open_studio()
    page.get_by_role("button", name=re.compile("^Log")).click()
    lines = page.locator(".qal-log li")
    expect(lines).to_have_text([f"{head} INFO qal: begun", "train: 2%", f"{head} WARNING qal: <b>odd</b> row"])
    page.get_by_label("Search the log").fill("ODD")
    expect(lines).to_have_count(1)
    page.get_by_label("Search the log").fill("")
    page.get_by_label("Errors only").check()
    expect(page.get_by_text("No matching records.")).to_be_visible()
    with run.log_file.open("a") as log:
        log.write(f"{head} ERROR qal: broken\nTraceback (most recent call last):\n  File x\nValueError: no\n")
    expect(lines).to_contain_text("ValueError: no")


def test_report_is_downloaded_as_png_and_as_self_contained_html(
    open_studio, browse, studio_folder, tmp_path, requested_hosts
):
    scripted_run(studio_folder / "runs", "mine", "finished")
    page = open_studio()
    files = {}
    for file_format in ("PNG", "HTML"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Report as {file_format}").click()
        files[file_format] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[file_format])
    assert {path.name for path in files.values()} == {"mine-report.png", "mine-report.html"}
    assert files["PNG"].read_bytes().startswith(b"\x89PNG")
    page.close()
    requested_hosts.clear()
    report = browse(files["HTML"].as_uri())
    expect(report.locator(".js-plotly-plot .main-svg").nth(2)).to_be_attached()
    expect(report.get_by_text("-12.0 points (-40 %)")).to_be_visible()
    assert requested_hosts <= {"", "no host"}


def ask_to_delete(page: Page) -> None:
    """Presses Delete until the question is shown: an update that was under way may hide it once."""
    for _ in range(10):
        page.locator(".qal-actions").get_by_role("button", name="Delete", exact=True).click()
        try:
            page.get_by_text("Delete run mine?").wait_for(timeout=10_000)
        except PlaywrightTimeoutError:
            continue
        page.wait_for_timeout(1500)  # longer than the interval of the updates
        if page.get_by_text("Delete run mine?").is_visible():
            return
    raise AssertionError("the question was never shown")


def test_run_is_deleted_only_after_confirmation_and_the_message_names_the_trash_folder(open_studio, studio_folder):
    run = scripted_run(studio_folder / "runs", "mine", "finished")
    page = open_studio()
    ask_to_delete(page)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.get_by_text("Delete run mine?")).to_be_hidden()
    assert run.folder.exists()
    ask_to_delete(page)
    page.locator(".qal-question").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text(".trash")).to_be_visible()
    expect(page.get_by_text("No run yet.")).to_be_visible()
    assert not run.folder.exists()


def two_runs(studio_folder) -> tuple[Run, Run]:
    """Writes two finished runs, good and bad; the newer one has a higher test WER and other settings."""
    good = scripted_run(studio_folder / "runs", "good", "finished")
    time.sleep(0.02)
    bad = scripted_run(studio_folder / "runs", "bad", "finished")
    bad.report_file.write_text(report_with_tuned_score(wer=0.4).to_json())
    config = bad.config_file.read_text()
    bad.config_file.write_text(re.sub(r"(?m)^epochs: .*", "epochs: 9", config))
    return good, bad


def test_runs_are_sorted_filtered_and_compared(open_studio, studio_folder):
    two_runs(studio_folder)
    page = open_studio("Compare")
    names = page.locator(".qal-table.runs tbody tr:visible .open")
    expect(names).to_have_text(["bad", "good"])
    page.get_by_role("button", name="test (95 %)").click()
    expect(names).to_have_text(["good", "bad"])
    page.get_by_role("button", name="test (95 %)").click()
    expect(names).to_have_text(["bad", "good"])
    page.get_by_label("Filter the runs").fill("goo")
    expect(names).to_have_text(["good"])
    page.get_by_label("Filter the runs").fill("")

    page.get_by_role("checkbox", name="compare good").click()
    page.get_by_role("checkbox", name="compare bad").click()
    wait_for_points(page, "good", 40)
    wait_for_points(page, "bad", 40)
    differences = page.locator(".qal-table.compared")
    expect(differences.locator("tr", has_text="epochs")).to_contain_text("9")
    expect(differences.locator("tr", has_text="test (95 %)")).to_contain_text("19.0 % (14.0 – 25.0) best")
    page.get_by_role("checkbox", name="compare bad").click()
    wait_for_points(page, "bad", 0)
    page.get_by_role("button", name="good", exact=True).click()
    expect(page.locator(".qal-run")).to_contain_text("Finished")


def test_title_tags_and_pin_of_a_run_are_kept_after_a_reload(open_studio, studio_folder):
    two_runs(studio_folder)
    page = open_studio("Compare")
    page.get_by_role("button", name="notes of good").click()
    page.get_by_label("Title").fill("The <b>best</b>")
    page.get_by_label("Tags (comma-separated)").fill("russian, short")
    page.get_by_label("Pin to top").check()
    page.get_by_role("button", name="Save", exact=True).click()
    names = page.locator(".qal-table.runs tbody tr:visible .open")
    expect(names).to_have_text(["The <b>best</b>", "bad"])
    page.locator("[data-column=run]").click()  # pinned runs stay at the top in any order
    expect(names).to_have_text(["The <b>best</b>", "bad"])
    page.reload()
    open_train(page, "Compare")
    expect(names).to_have_text(["The <b>best</b>", "bad"])
    page.get_by_label("Filter the runs").fill("russian")
    expect(names).to_have_text(["The <b>best</b>"])


def test_charts_and_audio_work_behind_a_proxy_with_a_path_prefix(serve, browse, tmp_path, requested_hosts):
    run = scripted_run(tmp_path / "runs", "mine", "running", step=6)
    run.append_samples(samples_row(0, [write_tone(tmp_path / "data" / "tones" / "a.wav")]))
    server = serve("app.py", "--data", str(tmp_path / "data"), "--root_path", "/qal-demo", "--public-host", "behind")
    with tls_proxy(server, under_path("/qal-demo")) as site:
        page = browse(f"{site}/qal-demo/")
        open_train(page)
        wait_for_points(page, "each step", 6)
        page.locator(".qal-samples audio").evaluate("audio => { audio.muted = true; return audio.play() }")
        page.close()
    assert requested_hosts <= {"127.0.0.1", "no host"}


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_run_and_compare_tabs_have_no_accessibility_violations(open_studio, studio_folder, scheme):
    good, bad = two_runs(studio_folder)
    for run in (good, bad):
        run.append_samples(
            samples_row(0, [write_tone(studio_folder / "data" / "tones" / "a.wav"), studio_folder / "gone.wav"])
        )
        run.log_file.write_text("2026-11-22 10:00:00,123 ERROR qal: broken\nbar\n")
        write_notes(run, Notes(title=run.id.upper(), tags=("a tag",), pinned=run is good))
    page = open_studio()
    page.emulate_media(color_scheme=scheme)
    wait_for_points(page, "each step", 40)
    for accordion in ("Machine", "Log"):
        page.get_by_role("button", name=re.compile(f"^{accordion}")).click()
    expect(page.locator("[data-chart=disk] .main-svg").first).to_be_visible()
    assert axe_violations(page) == {}
    page.get_by_role("tab", name="Compare", exact=True).click()
    for name in ("GOOD", "BAD"):
        page.get_by_role("checkbox", name=f"compare {name}").click()
    expect(page.locator(".qal-table.compared")).to_be_visible()
    page.get_by_role("button", name="notes of GOOD").click()
    expect(page.get_by_label("Title")).to_be_visible()
    assert axe_violations(page) == {}


def axe_violations(page: Page) -> dict[str, list]:
    """The rules of WCAG 2.1 A and AA that the page violates, with the first elements that violate them."""
    violations = Axe().run(page, options={"runOnly": AXE_RULES}).response["violations"]
    return {v["id"]: [node["target"] for node in v["nodes"]][:4] for v in violations}
