"""Drop-downs with real keys and clicks in a browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui_components.train.new_run.form import small_corpus

FOCUSED_JS = "document.activeElement.closest('[id^=set-], button')?.id ?? document.activeElement.tagName"


@pytest.fixture
def page(studio: str, browse, studio_folder: Path) -> Page:
    """The New run form with one dataset."""
    small_corpus(studio_folder / "data" / "ru")
    opened = browse(studio)
    opened.get_by_role("tab", name="Train").click()
    expect(opened.locator(".cm-content").first).to_contain_text("qal train")
    return opened


def expect_open_lists(page: Page, count: int) -> None:
    page.wait_for_timeout(400)  # longer than the animation
    expect(page.locator("ul.option-list")).to_have_count(count)


def combobox(page: Page, name: str):
    return page.locator(f"#set-{name}").get_by_role("combobox")


def test_tab_passes_drop_downs_without_opening_them_or_losing_the_focus(page):
    page.locator("#set-name input").focus()
    passed = []
    for _ in range(8):
        page.keyboard.press("Shift+Tab")
        expect_open_lists(page, 0)
        passed.append(page.evaluate(FOCUSED_JS))
    assert passed[0] == "set-preset"
    assert {"set-language", "set-corpus", "set-base"} <= set(passed)
    assert "BODY" not in passed


def test_list_that_was_opened_with_a_key_closes_when_the_focus_leaves(page):
    page.locator("#set-name input").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    for key in ("ArrowDown", "r"):
        page.keyboard.press(key)
        expect(page.locator("ul.option-list")).to_have_count(1)
        page.keyboard.press("Tab")
        expect_open_lists(page, 0)
        assert page.evaluate(FOCUSED_JS) == "set-preset"
        page.keyboard.press("Shift+Tab")


def test_choice_with_the_keyboard_keeps_the_focus_in_the_field(page):
    page.locator("#set-name input").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("russian")
    page.keyboard.press("Enter")
    expect(combobox(page, "language")).to_have_value("Russian")
    expect_open_lists(page, 0)
    expect(combobox(page, "language")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED_JS) == "set-preset"
    expect(page.locator(".cm-content").first).to_contain_text("--language ru")


def test_click_on_the_only_chosen_entry_keeps_it(page):
    for name in ("corpus", "base"):
        combobox(page, name).click()
        page.locator("li[role=option][aria-selected=true]").click()
        page.get_by_role("heading", name="Qal").click()
        expect_open_lists(page, 0)
    expect(page.locator("#set-corpus .token")).to_have_count(1)
    expect(combobox(page, "base")).not_to_have_value("")


def test_click_opens_a_focused_drop_down_again(page):
    combobox(page, "language").click()
    page.keyboard.press("Escape")
    expect_open_lists(page, 0)
    combobox(page, "language").click()
    page.get_by_role("option", name="Russian", exact=True).click()
    expect(combobox(page, "language")).to_have_value("Russian")
