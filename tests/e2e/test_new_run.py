"""Tests of the New run form in a browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from qal.jobs.options.yaml_file import load_config, save_config
from qal.jobs.run import list_runs
from tests.run_folders import scripted_run
from tests.ui_components.train.new_run.form import small_corpus
from ui_components.data.sample_corpus import FETCH_LABEL


@pytest.fixture
def data(studio_folder: Path) -> Path:
    """A data folder with two datasets."""
    small_corpus(studio_folder / "data" / "ru")
    small_corpus(studio_folder / "data" / "en", language="en")
    return studio_folder / "data"


def open_form(page: Page) -> Page:
    """Opens the Train tab, waits until the form is checked, and opens the advanced settings."""
    page.get_by_role("tab", name="Train").click()
    expect(command_line(page)).to_contain_text("qal train")
    page.get_by_role("button", name="Advanced settings").click()
    return page


def command_line(page: Page) -> Locator:
    return page.locator(".cm-content").first


def start_button(page: Page) -> Locator:
    return page.get_by_role("button", name="Start", exact=True)


def choose(page: Page, name: str, option: str) -> None:
    """Selects an option of the drop-down `set-<name>`."""
    page.locator(f"#set-{name}").get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()


def field(page: Page, name: str) -> Locator:
    return page.locator(f"#set-{name} input")


def test_form_with_a_problem_cannot_be_started(studio, browse, data):
    page = open_form(browse(studio))
    expect(start_button(page)).to_be_enabled()
    expect(page.locator(".qal-estimate")).to_contain_text("Steps")
    page.get_by_role("button", name="Trainable weights").click()
    field(page, "lora-rank").fill("0")
    problem = page.locator(".qal-side .qal-note.problem")
    expect(problem).to_contain_text("Rank lora.rank: should be at least 1, not 0.")
    expect(start_button(page)).to_be_disabled()
    field(page, "epochs").fill("")
    expect(problem).to_contain_text("2 problems")
    field(page, "lora-rank").fill("8")
    field(page, "epochs").fill("3")
    expect(problem).to_have_count(0)
    expect(start_button(page)).to_be_enabled()
    expect(command_line(page)).to_contain_text("--epochs 3 --lora.rank 8")
    expect(page.locator(".qal-side")).to_contain_text('2 changes from preset "quick": epochs, lora.rank.')


def test_preset_fills_the_form_and_changes_can_be_reset(studio, browse, data):
    page = open_form(browse(studio))
    choose(page, "preset", "low-memory")
    expect(field(page, "batch-size")).to_have_value("4")
    page.get_by_role("button", name="Device, memory and speed").click()
    expect(page.get_by_label("Gradient checkpointing")).to_be_checked()
    expect(field(page, "cache-mb")).to_have_value("64")
    field(page, "cache-mb").fill("100")
    page.get_by_role("button", name="Reset to preset").click()
    expect(field(page, "cache-mb")).to_have_value("64")
    expect(page.get_by_role("button", name="Reset to preset")).to_have_count(0)


def test_settings_of_a_run_are_loaded_into_the_form(serve, browse, data, tmp_path):
    run = scripted_run(tmp_path / "runs", "mine", "finished")
    changes = {"epochs": 7, "corpus": [str(data / "en")], "seed": 11}
    save_config(load_config(run.config_file).model_copy(update=changes), run.config_file)
    page = browse(serve("tests/e2e/new_run_page.py", "--data", str(data)))
    expect(command_line(page)).to_contain_text("configs/quick.yaml")
    page.get_by_role("button", name="Advanced settings").click()
    page.get_by_role("button", name="Load settings").click()
    expect(field(page, "epochs")).to_have_value("7")
    expect(page.locator("#set-corpus")).to_contain_text("en · 2 min · English")
    expect(command_line(page)).to_contain_text("mine/config.yaml")
    expect(page.locator(".qal-side")).to_contain_text('No changes from run "mine".')
    page.get_by_role("button", name="Checkpoints, error handling and logging").click()
    expect(field(page, "seed")).to_have_value("11")
    field(page, "seed").fill("12")
    expect(command_line(page)).to_contain_text("--seed 12")


def test_started_run_is_shown_on_the_run_tab(studio, browse, data, studio_folder):
    page = open_form(browse(studio))
    expect(page.locator("#set-language input")).to_have_value("Auto (from dataset)")
    choose(page, "language", "Russian")
    page.locator("#set-name input").fill("My first run")
    page.get_by_role("button", name="Checkpoints, error handling and logging").click()
    choose(page, "tracker", "none")
    expect(command_line(page)).to_contain_text("--tracker none")
    start_button(page).click()
    expect(page.get_by_role("tab", name="Run", exact=True)).to_have_attribute("aria-selected", "true")
    (run,) = list_runs(studio_folder / "runs")
    saved = load_config(run.config_file)
    assert (saved.language, saved.tracker) == ("ru", "none")
    expect(page.get_by_label("Run", exact=True).locator("visible=true")).to_have_value(re.compile("^My first run"))


def test_search_finds_a_setting_in_a_closed_group(studio, browse, data):
    page = open_form(browse(studio))
    page.get_by_label("Search the settings").fill("warm-up")
    expect(page.locator("#set-warmup-share input")).to_be_visible()
    expect(page.locator("#set-epochs")).to_be_hidden()
    expect(page.get_by_role("button", name="Distillation")).to_have_count(0)
    page.get_by_label("Search the settings").fill("")
    expect(page.locator("#set-epochs")).to_be_visible()


def test_form_and_place_survive_a_reload(studio, browse, data):
    page = open_form(browse(studio))
    choose(page, "preset", "balanced")
    page.locator("#set-name input").fill("My run")
    field(page, "epochs").fill("7")
    expect(command_line(page)).to_contain_text("--epochs 7")
    page.reload()
    expect(page.get_by_role("tab", name="New run", exact=True)).to_be_visible()
    expect(command_line(page)).to_contain_text(re.compile("balanced.yaml .*--epochs 7"))
    expect(page.locator("#set-name input")).to_have_value("My run")


def test_empty_studio_shows_how_to_get_a_dataset(studio, browse):
    page = browse(studio)
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_text("qal corpus import asterisk --language ru")).to_be_visible()
    expect(page.get_by_role("button", name=FETCH_LABEL)).to_be_visible()
    expect(page.get_by_text("Choose a dataset.")).to_be_visible()
    expect(page.locator(".qal-side .qal-note.problem")).to_have_count(0)
    start_button(page).click()
    expect(page.locator(".qal-side .qal-note.problem")).to_contain_text("choose a dataset")
    expect(start_button(page)).to_be_disabled()


@pytest.mark.long
def test_sample_dataset_is_downloaded_with_one_click(serve, browse, tmp_path):
    page = browse(serve("app.py", "--data", str(tmp_path / "data")))
    page.get_by_role("tab", name="Train").click()
    page.get_by_role("button", name=FETCH_LABEL).click()
    expect(command_line(page)).to_contain_text("asterisk-ru")
    expect(page.get_by_role("button", name=FETCH_LABEL)).to_have_count(0)
    expect(start_button(page)).to_be_enabled()
    page.get_by_role("tab", name="Data").click()
    expect(page.get_by_text("Maxim Topal")).to_be_visible()  # the speaker


def test_settings_are_loaded_from_a_file_and_from_pasted_yaml(studio, browse, data, tmp_path):
    page = open_form(browse(studio))
    (tmp_path / "mine.yaml").write_text("epochs: 7\n")
    page.get_by_role("button", name="Load YAML").click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load a file").click()
    chooser.value.set_files(tmp_path / "mine.yaml")
    expect(field(page, "epochs")).to_have_value("7")
    expect(command_line(page)).to_contain_text("--epochs 7")
    page.locator(".cm-content").last.fill("epochs: 5\nlora: {rank: 8}")
    page.get_by_role("button", name="Load pasted settings").click()
    expect(command_line(page)).to_contain_text(re.compile(r"--epochs 5 .*--lora.rank 8"))
    page.locator(".cm-content").last.fill("epochs: none")
    page.get_by_role("button", name="Load pasted settings").click()
    expect(page.locator(".toast-body")).to_contain_text("epochs")
    expect(command_line(page)).to_contain_text(re.compile(r"--epochs 5 .*--lora.rank 8"))
