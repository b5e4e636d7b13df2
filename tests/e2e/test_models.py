"""The Models and System tabs in a real browser."""

import io
import zipfile
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Page, expect

from qal.jobs import job
from qal.jobs.job import TRASH_FOLDER
from tests.e2e.tls_proxy import tls_proxy, under_path
from tests.model_folders import model_directory
from tests.run_folders import scripted_run

pytestmark = pytest.mark.long  # each test starts a server and opens a page


@pytest.fixture
def clip(english_corpus) -> tuple[str, str]:
    """(path, reference) of a short clip."""
    row = max(english_corpus.select("test"), key=lambda r: r.duration_s if r.duration_s < 8 else 0)
    return str(english_corpus.audio_path(row)), row.text


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def select_model(page: Page, model: str) -> None:
    page.locator(".qal-models").get_by_role("button", name=model, exact=True).click()
    expect(page.locator(".qal-models tr.chosen")).to_contain_text(model)


def test_one_model_is_tried_and_two_are_compared(serve, browse, tmp_path, clip, base_directory, requested_hosts):
    page = browse(serve("app.py", "--data", str(tmp_path / "data"), "--model", "base"))
    open_tab(page, "Models")
    select_model(page, "base")
    expect(page.locator(".qal-card").first).to_contain_text("6 + 6 layers")
    panel = page.get_by_role("tabpanel").filter(has=page.locator(".qal-models"))
    panel.locator("input[type=file]").first.set_input_files(clip[0])
    expect(panel.get_by_role("button", name="Play", exact=True)).to_be_visible()
    panel.get_by_label("Reference transcript (optional)").fill(clip[1] + " unheard")
    panel.get_by_role("button", name="Try", exact=True).click()
    results = page.locator(".qal-comparison .qal-card")
    expect(results.first).to_contain_text("RTF")
    expect(results.first).to_contain_text("WER")
    expect(results.first.locator("del")).to_have_text("unheard")

    select_model(page, "base-adaptive")
    panel.get_by_role("button", name="Compare", exact=True).click()
    panel.get_by_role("button", name="Transcribe", exact=True).click()
    expect(page.locator(".qal-comparison .facts")).to_have_count(2)
    assert requested_hosts <= {"127.0.0.1", "no host"}


def test_model_of_a_run_moves_to_the_trash_after_confirmation(serve, browse, tmp_path, base_directory):
    run = scripted_run(tmp_path / "runs", "mine", "finished")
    model_directory(run.model)
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_tab(page, "Models")
    select_model(page, "mine")
    page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(page.get_by_text("Its files are moved to the trash")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Its files are moved to the trash")).to_have_count(0)
    assert run.model.exists()
    page.get_by_role("button", name="Delete", exact=True).first.click()
    expect(page.get_by_text("Its files are moved to the trash")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).last.click()
    expect(page.locator(".qal-models")).not_to_contain_text("mine")
    assert [path.name[:11] for path in (tmp_path / "runs" / TRASH_FOLDER).iterdir()] == ["mine-model-"]


def test_models_are_sorted_filtered_and_downloaded(serve, browse, tmp_path, base_directory):
    model_directory(scripted_run(tmp_path / "runs", "mine", "finished").model)
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_tab(page, "Models")
    table = page.locator(".qal-models")
    table.get_by_role("button", name="Size").click()
    expect(table.locator("tbody tr").first).to_contain_text("mine")
    page.get_by_label("Filter").fill("mine")
    expect(table.locator("tbody tr")).to_have_count(1)
    select_model(page, "mine")
    page.get_by_role("button", name="Export", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download mine as a zip file").click()
    with zipfile.ZipFile(io.BytesIO(download.value.path().read_bytes())) as archive:
        assert "mine/model.bin" in archive.namelist()


def test_system_tab_shows_device_checks_and_an_interrupted_run(serve, browse, tmp_path, base_directory):
    scripted_run(tmp_path / "runs", "stopped", "interrupted", step=7)
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_tab(page, "System")
    checks = page.locator(".qal-checks")
    expect(checks).to_contain_text("CPU")
    expect(checks).to_contain_text("Package versions")
    expect(page.get_by_role("button", name="Resume stopped")).to_be_visible()
    page.get_by_role("button", name="Check training").click()
    expect(checks).to_contain_text("torch 2")


def log_in(page: Page) -> None:
    page.get_by_label("username").fill("anna")
    page.get_by_label("password").fill("secret")
    page.get_by_role("button", name="Login").click()


def open_tensorboard(page: Page, requested_hosts: set[str]) -> None:
    open_tab(page, "System")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open TensorBoard").click()
    board = opened.value
    board.on("request", lambda request: requested_hosts.add(urlsplit(request.url).hostname or "no host"))
    expect(board).to_have_title("Qal")
    expect(board.locator("tb-webapp")).to_be_visible()


def test_tensorboard_needs_the_login_of_the_page(serve, browse, tmp_path, requested_hosts):
    (scripted_run(tmp_path / "runs", "mine", "finished").folder / "tensorboard").mkdir()
    page = browse(serve("app.py", "--data", str(tmp_path / "data"), "--auth", "anna:secret"))
    assert page.request.get(f"{page.url.rstrip('/')}/qal/tensorboard/").status == 401
    log_in(page)
    open_tensorboard(page, requested_hosts)
    assert requested_hosts <= {"127.0.0.1", "no host"}


def test_tensorboard_and_model_zip_work_behind_a_proxy_with_a_root_path(serve, browse, tmp_path, requested_hosts):
    run = scripted_run(tmp_path / "runs", "mine", "finished")
    (run.folder / "tensorboard").mkdir()
    model_directory(run.model)
    server = serve(
        "app.py",
        "--data",
        str(tmp_path / "data"),
        "--auth",
        "anna:secret",
        "--root_path",
        "/qal-demo",
        "--public-host",
        "behind",
    )
    with tls_proxy(server, under_path("/qal-demo")) as site:
        page = browse(f"{site}/qal-demo/")
        log_in(page)
        open_tab(page, "Models")
        select_model(page, "mine")
        page.get_by_role("button", name="Export", exact=True).click()
        link = page.get_by_role("link", name="Download mine as a zip file").get_attribute("href")
        content = page.request.get(urljoin(page.url, link), ignore_https_errors=True).body()
        assert zipfile.is_zipfile(io.BytesIO(content))
        open_tensorboard(page, requested_hosts)
    assert requested_hosts <= {"127.0.0.1", "no host"}


def test_trash_is_emptied_after_confirmation(serve, browse, tmp_path):
    job.trash(scripted_run(tmp_path / "runs", "mine", "finished"))
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    open_tab(page, "Models")
    page.get_by_role("button", name="Disk").click()
    expect(page.locator(".qal-disk")).to_contain_text("Trash")
    page.get_by_role("button", name="Empty the trash").first.click()
    expect(page.get_by_text("They cannot be restored")).to_be_visible()
    assert list((tmp_path / "runs" / TRASH_FOLDER).iterdir())
    page.get_by_role("button", name="Empty the trash").last.click()
    expect(page.get_by_text("They cannot be restored")).to_have_count(0)
    assert not list((tmp_path / "runs" / TRASH_FOLDER).glob("*"))


def test_idle_models_are_unloaded_on_request(serve, browse, tmp_path, clip, base_directory):
    page = browse(serve("app.py", "--data", str(tmp_path / "data"), "--model", "base"))
    open_tab(page, "Transcribe")
    page.locator("input[type=file]").first.set_input_files(clip[0])
    page.get_by_role("button", name="Trim audio", exact=True).click()
    expect(page.get_by_role("button", name="Play selection")).to_be_visible()
    page.get_by_role("button", name="Transcribe", exact=True).first.click()
    expect(page.locator(".qal-transcript li").first).to_be_visible()
    open_tab(page, "System")
    page.get_by_role("button", name="Unload idle models").click()
    expect(page.locator(".toast-body")).to_contain_text("1 model unloaded")
