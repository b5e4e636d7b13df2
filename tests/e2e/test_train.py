"""Charts follow a run folder that grows, and a page that is opened anew shows it all."""

from playwright.sync_api import Page, expect

from tests.run_folders import STEPS_PER_EPOCH, epoch_row, scripted_run, step_row

POINTS = """(name) => [...document.querySelectorAll(".js-plotly-plot")].flatMap(plot => plot.data)
    .filter(trace => trace.name === name).map(trace => trace.x.length)[0] ?? 0"""


def open_train(page: Page) -> None:
    page.get_by_role("tab", name="Train").click()


def wait_for_points(page: Page, trace: str, count: int) -> None:
    page.wait_for_function(f"([name, count]) => ({POINTS})(name) === count", arg=[trace, count])


def test_charts_move_with_the_run_and_a_reload_shows_them_all(serve, browse, tmp_path):
    first, last = 6, STEPS_PER_EPOCH
    run = scripted_run(tmp_path / "runs", "mine", "running", step=first)
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_train(page)
    wait_for_points(page, "each step", first)
    for step in range(first + 1, last + 1):
        run.append_metrics(step_row(step))
    run.append_metrics(epoch_row(1))
    run.write_status(run.status().model_copy(update={"step": last}))
    wait_for_points(page, "each step", last)
    wait_for_points(page, "WER", 2)
    expect(page.locator(".qal-run")).to_contain_text(f"step {last} of")

    page.reload()
    open_train(page)
    wait_for_points(page, "each step", last)
    wait_for_points(page, "WER", 2)

    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".qal-badge").filter(has_text="stopping")).to_be_visible()
    assert run.stop_file.exists()


def test_a_finished_run_shows_its_table_and_an_older_run_can_be_looked_at(serve, browse, tmp_path):
    scripted_run(tmp_path / "runs", "older", "failed", step=5, reason="no space left on the disk")
    scripted_run(tmp_path / "runs", "newer", "finished")
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_train(page)
    expect(page.locator(".qal-table")).to_contain_text("19.0 %")
    page.get_by_label("Run", exact=True).click()
    page.get_by_role("option").filter(has_text="older").click()
    expect(page.locator(".qal-run")).to_contain_text("No space left on the disk.")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_an_empty_studio_names_the_command_that_fetches_a_corpus(serve, browse, tmp_path):
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_train(page)
    expect(page.get_by_text("python -m corpus import asterisk --language ru")).to_be_visible()
    expect(page.get_by_role("button", name="Fetch the Russian sample corpus")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Choose a corpus first.")).to_be_visible()
