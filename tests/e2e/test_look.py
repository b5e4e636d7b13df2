"""Theme, keyboard shortcuts, layout and accessibility in a real browser."""

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, WebSocketRoute, expect

from tests.e2e.live_page import start
from tests.e2e.test_races import fake_server
from tests.run_folders import scripted_run
from ui_components.app.page import TABS

PHONE: ViewportSize = {"width": 390, "height": 844}
# The elements that are wider than the page. Tabs have an overflow menu; tables, charts and editors scroll.
OVERFLOWING_JS = """(width) => [...document.querySelectorAll("#qal-tabs *, .qal-jobs *")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().right > width + 1)
    .filter((e) => !e.closest(".qal-table, .cm-editor, .js-plotly-plot, .tab-wrapper"))
    .map((e) => e.outerHTML.slice(0, 100))"""
BOXES_JS = (
    """(line) => Object.fromEntries([...line.children].map((e) => [e.localName, e.getBoundingClientRect().toJSON()]))"""
)
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture
def page(studio, browse, studio_folder) -> Page:
    scripted_run(studio_folder / "runs", "done", "finished")
    opened = browse(studio)
    expect(opened.get_by_role("tab", name="Live", exact=True)).to_be_visible()
    return opened


def is_dark(page: Page) -> bool:
    return page.evaluate("document.body.classList.contains('dark')")


def selected_tab(page: Page) -> str:
    return page.locator("#qal-tabs > .tab-wrapper [role=tab][aria-selected=true]").inner_text()


def test_theme_persists_after_a_reload(page):
    button = page.locator(".qal-head .theme")
    assert not is_dark(page)
    button.click()
    button.click()
    assert button.get_attribute("data-theme") == "dark"
    assert is_dark(page)
    page.reload()
    expect(button).to_have_attribute("data-theme", "dark")
    page.wait_for_function("document.body.classList.contains('dark')")
    button.click()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.body.classList.contains('dark')")


def test_theme_changes_while_no_clip_is_open(page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.get_by_role("tab", name="Transcribe", exact=True).click()
    page.get_by_role("tab", name="Data", exact=True).click()
    page.wait_for_timeout(1000)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(500)
    assert not errors


def test_scrollbars_and_controls_are_dark_in_the_dark_theme(page):
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("getComputedStyle(document.documentElement).colorScheme === 'dark'")
    page.emulate_media(color_scheme="light")
    page.wait_for_function("getComputedStyle(document.documentElement).colorScheme !== 'dark'")


def test_shortcuts_change_tabs_and_are_ignored_in_text_fields(page):
    page.keyboard.press("]")
    page.wait_for_function(
        "document.querySelector('#qal-tabs > .tab-wrapper [aria-selected=true]').textContent != 'Live'"
    )
    page.keyboard.press("[")
    page.wait_for_function(
        "document.querySelector('#qal-tabs > .tab-wrapper [aria-selected=true]').textContent.trim() == 'Live'"
    )
    page.keyboard.press("/")
    expect(page.get_by_label("Search the captions")).to_be_focused()
    page.keyboard.type("]?t")
    assert selected_tab(page) == "Live"
    expect(page.get_by_label("Search the captions")).to_have_value("]?t")


def test_help_lists_the_shortcuts_and_can_disable_them(page):
    page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog")
    expect(help_dialog).to_contain_text("Start or stop captions")
    help_dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    expect(help_dialog).not_to_be_visible()
    page.keyboard.press("]")
    assert selected_tab(page) == "Live"
    page.reload()
    expect(page.get_by_role("tab", name="Live", exact=True)).to_be_visible()
    page.keyboard.press("]")
    assert selected_tab(page) == "Live"


def test_no_element_is_wider_than_a_phone(page, studio_folder):
    scripted_run(studio_folder / "runs", "failed", "failed", step=5, reason=f"{'/a_long_name' * 20} is gone")
    scripted_run(studio_folder / "runs", "running", "running", step=5).update_status(stage="retention")
    page.set_viewport_size(PHONE)
    page.reload()
    expect(page.get_by_role("navigation", name="Jobs in progress")).to_contain_text("Checking for forgetting")
    for tab in TABS:
        open_tab(page, tab)
        for inner in ("New run", "Run", "Compare") if tab == "Train" else (None,):
            if inner:
                page.get_by_role("tab", name=inner, exact=True).click()
            page.wait_for_timeout(1000)  # for the events of the tab
            overflowing = page.evaluate(OVERFLOWING_JS, PHONE["width"])
            assert not overflowing, (tab, inner, overflowing[:3])


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    if tab.count() and tab.first.is_visible():
        tab.first.click()
        return
    page.locator("#qal-tabs .overflow-menu > button").first.click()
    page.locator("#qal-tabs .overflow-dropdown button", has_text=name).click()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_no_accessibility_violation(page, scheme):
    page.emulate_media(color_scheme=scheme)
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(1000)  # for the events of the tab
        violations = Axe().run(page, options={"runOnly": AXE_RULES}).response["violations"]
        summary = [(v["id"], [node["target"] for node in v["nodes"]][:4]) for v in violations]
        assert not summary, (tab, summary)


@pytest.mark.parametrize("saves_audio", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_language_tag_is_above_its_line_and_beside_no_text(module_servers, browse, width: int, saves_audio: bool):
    def answer(socket: WebSocketRoute, message: dict) -> None:
        if "session" not in message:
            socket.send(json.dumps({"type": "finished"}))
            return
        settings = {name: message[name] for name in ("model", "keep_sound")}
        socket.send(json.dumps({**settings, "type": "ready", "session": "s", "next": 0, "ack": 0}))
        for index, language in enumerate(("en", "en", "ru")):
            words = {"text": 20 * "words ", "words": [], "start_s": index, "end_s": index + 1.0}
            caption = {**words, "index": index, "final": True, "committed": 0, "language": language}
            socket.send(json.dumps({"type": "update", "ack": 0, "level": None, "captions": [caption]}))

    page = browse(module_servers.shared("app_streaming.py"), sockets=fake_server(answer))
    page.set_viewport_size({"width": width, "height": 844})
    page.get_by_label("Save audio").set_checked(saves_audio)
    page.wait_for_function("(saves) => window.qalSettings?.keep_sound === saves", arg=saves_audio)
    start(page)
    expect(page.locator(".qal-live .language")).to_have_text("Russian")
    expect(page.locator(".qal-live .add")).to_have_count(3 if saves_audio else 0)
    for is_full in (False, True):
        page.evaluate("(isFull) => document.querySelector('.qal-live').classList.toggle('full', isFull)", is_full)
        before, tagged = [line.evaluate(BOXES_JS) for line in page.locator(".qal-live .final").all()[1:]]
        assert tagged["small"]["bottom"] <= tagged["span"]["top"] + 1
        assert tagged["small"]["left"] == tagged["span"]["left"]
        assert tagged["span"]["width"] == before["span"]["width"]
        assert is_full or tagged["small"]["bottom"] <= tagged["time"]["top"] + 1
