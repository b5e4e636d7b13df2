"""The address of the page, the jobs line, and the way from a finished run to its use, in a browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from qal.jobs.notes import rename
from tests.model_folders import model_directory
from tests.run_folders import scripted_run


@pytest.fixture
def page(studio, browse, studio_folder) -> Page:
    """The Run tab of the run `done`, which is not the newest."""
    done = scripted_run(studio_folder / "runs", "done", "finished")
    model_directory(done.model)
    rename(scripted_run(studio_folder / "runs", "busy", "running", step=10), "Busy run")
    return browse(f"{studio}#train/run/done")


def shown_run(page: Page):
    return page.get_by_label("Run", exact=True).locator("visible=true")


def selected(page: Page, name: str):
    return page.get_by_role("tab", name=name, exact=True, selected=True)


def test_address_opens_a_run_and_a_reload_keeps_it(page):
    for _ in range(2):
        expect(selected(page, "Run")).to_be_visible()
        expect(shown_run(page)).to_have_value("done · asterisk-ru · Finished")
        page.wait_for_timeout(1000)
        assert page.url.endswith("#train/run/done")
        page.reload()


def test_run_that_is_chosen_in_the_list_is_in_the_address(page):
    shown_run(page).click()
    page.get_by_role("option").filter(has_text="Busy run").click()
    page.wait_for_url("**/#train/run/busy")
    expect(page.locator(".toast-body")).to_have_count(0)


def test_back_and_forward_change_the_tab(page):
    expect(selected(page, "Run")).to_be_visible()
    page.get_by_role("tab", name="Models", exact=True).click()
    page.wait_for_url("**/#models")
    page.get_by_role("tab", name="System", exact=True).click()
    page.wait_for_url("**/#system")
    page.go_back()
    expect(selected(page, "Models")).to_be_visible()
    page.go_back()
    expect(selected(page, "Run")).to_be_visible()
    page.go_forward()
    expect(selected(page, "Models")).to_be_visible()


def test_inner_tab_of_data_is_in_the_address_a_link_opens_it_and_back_works(page, studio):
    page.goto("about:blank")  # the same page with another fragment would not be loaded anew
    page.goto(f"{studio}#data/record")
    expect(selected(page, "Record")).to_be_visible()
    page.wait_for_timeout(1000)
    assert page.url.endswith("#data/record")
    page.get_by_role("tab", name="Add data", exact=True).click()
    page.wait_for_url("**/#data/add")
    page.get_by_role("tab", name="Models", exact=True).click()
    page.wait_for_url("**/#models")
    page.go_back()
    expect(selected(page, "Add data")).to_be_visible()
    page.go_back()
    expect(selected(page, "Record")).to_be_visible()
    page.go_forward()
    expect(selected(page, "Add data")).to_be_visible()
    page.evaluate("location.hash = 'data'")  # as the link of an import in progress
    expect(selected(page, "Browse")).to_be_visible()
    page.go_back()
    expect(selected(page, "Add data")).to_be_visible()


def test_running_job_is_shown_on_each_tab_and_opens_its_run(page):
    page.get_by_role("tab", name="Models", exact=True).click()
    job = page.get_by_role("navigation", name="Jobs in progress").get_by_role("link")
    expect(job).to_contain_text("Busy run")
    job.click()
    expect(selected(page, "Run")).to_be_visible()
    expect(shown_run(page)).to_have_value(re.compile("Busy run · asterisk-ru · Running"))


def test_model_of_a_finished_run_is_chosen_on_live_and_transcribe_and_downloaded(page):
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).locator("visible=true").click()
    assert download.value.suggested_filename == "done.zip"
    for button, tab in (("Transcribe with it", "Transcribe"), ("Caption with it", "Live")):
        page.get_by_role("button", name=button).click()
        expect(selected(page, tab)).to_be_visible()
        model = page.get_by_label("Model", exact=True).locator("visible=true")
        expect(model).to_have_value("done (fine-tuned here)")
        expect(page).to_have_url(re.compile(f"#{tab.lower()}$"))  # the address follows the tab
        page.go_back()


def test_run_is_renamed(page):
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Name of the run").fill("My first run")
    page.keyboard.press("Enter")
    expect(shown_run(page)).to_have_value("My first run · asterisk-ru · Finished")
    expect(page.get_by_label("Name of the run")).to_be_hidden()
